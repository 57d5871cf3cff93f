//! Every graph of up to four revisions, and random larger ones.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dbwarden::migration::RevisionId;
use dbwarden::migration::graph::{GraphError, Node, Parents, RevisionGraph, Target};
use proptest::prelude::*;

use crate::notation::node;

type Set = BTreeSet<RevisionId>;

fn name(n: usize) -> String {
    format!("{:03}", n + 1)
}

/// A graph by its edges: `later` has the parents or dependencies `earlier`.
fn nodes(count: usize, edges: &[(usize, usize, bool)]) -> Vec<Node> {
    let mut nodes: Vec<Node> = (0..count).map(|n| node(&format!("{} down=none", name(n)))).collect();
    for &(earlier, later, parent) in edges {
        match &mut nodes[later].parents {
            Parents::Explicit(list) if parent => list.push(name(earlier)),
            parents if parent => *parents = Parents::Explicit(vec![name(earlier)]),
            _ => nodes[later].depends_on.push(name(earlier)),
        }
    }
    nodes
}

/// Which nodes can be got to, by Floyd and Warshall.
fn closure(count: usize, edges: &[(usize, usize, bool)]) -> Vec<Vec<bool>> {
    let mut reach = vec![vec![false; count]; count];
    edges.iter().for_each(|(from, to, _)| reach[*from][*to] = true);
    for k in 0..count {
        for i in 0..count {
            for j in 0..count {
                reach[i][j] |= reach[i][k] && reach[k][j];
            }
        }
    }
    reach
}

fn closed(graph: &RevisionGraph, applied: &Set) -> bool {
    applied.iter().all(|id| graph.ancestors(id).is_subset(applied))
}

/// What must hold of any graph, with any closed set of applied revisions and any target.
fn check(graph: &RevisionGraph, applied: &Set) {
    for edge in graph.edges() {
        let at = |id: &RevisionId| graph.order().iter().position(|other| other == id);
        assert!(at(edge.from) < at(edge.to));
    }
    let current: Set = graph.current(applied).into_iter().collect();
    for id in applied {
        assert_eq!(current.contains(id), graph.descendants(id).is_disjoint(applied));
    }
    for target in graph.order() {
        let plan = graph.upgrade(&Target::revision(target.as_str()), applied).expect("a plan");
        let mut after = applied.clone();
        for id in &plan {
            assert!(graph.ancestors(id).is_subset(&after), "{id} before what it needs");
            assert!(after.insert(id.clone()), "{id} twice");
        }
        assert!(closed(graph, &after) && after.contains(target));
        let mut wanted = graph.ancestors(target);
        wanted.insert(target.clone());
        assert_eq!(plan.into_iter().collect::<Set>(), &wanted - applied);
    }
    let all = graph.upgrade(&Target::Heads, applied).expect("a plan");
    assert_eq!(
        all.iter().cloned().collect::<Set>(),
        &graph.order().iter().cloned().collect::<Set>() - applied
    );
    assert!(graph.late(&all, applied).is_empty());
    for count in 1..=all.len() {
        match graph.upgrade_count(count, applied) {
            Ok(plan) => assert_eq!(plan, all[..count]),
            Err(error) => assert!(matches!(error, GraphError::MultipleHeads { .. })),
        }
    }
}

/// What must hold of rollbacks, whatever the order in which the revisions were applied.
fn check_down(graph: &RevisionGraph, applied_order: &[RevisionId]) {
    let applied: Set = applied_order.iter().cloned().collect();
    let everything = graph.downgrade(&Target::Base, applied_order).expect("a plan");
    assert_eq!(everything.iter().cloned().collect::<Set>(), applied);
    for target in applied_order {
        let plan = graph.downgrade(&Target::revision(target.as_str()), applied_order).expect("a plan");
        let mut left = applied.clone();
        for id in &plan {
            assert!(graph.descendants(id).is_disjoint(&left), "{id} before what needs it");
            assert!(left.remove(id), "{id} twice");
        }
        assert_eq!(left, &applied - &graph.descendants(target));
    }
    for count in 1..=applied_order.len() {
        let plan = graph.downgrade_count(count, applied_order).expect("a plan");
        assert_eq!(plan, everything[..count]);
        let undone: Set = plan.into_iter().collect();
        assert!(closed(graph, &(&applied - &undone)) || !closed(graph, &applied));
    }
}

#[test]
fn every_graph_of_up_to_four() {
    for count in 1..=4_usize {
        let pairs: Vec<(usize, usize)> =
            (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect();
        // Each pair has no edge, a parent or a dependency.
        for code in 0..3_usize.pow(u32::try_from(pairs.len()).expect("small")) {
            let edges: Vec<_> = pairs
                .iter()
                .enumerate()
                .filter_map(|(k, (a, b))| match code / 3_usize.pow(u32::try_from(k).expect("small")) % 3 {
                    0 => None,
                    kind => Some((*a, *b, kind == 1)),
                })
                .collect();
            let graph = RevisionGraph::new(nodes(count, &edges)).expect("a graph");
            let reach = closure(count, &edges);
            for (n, reached) in reach.iter().enumerate() {
                let above: Set =
                    (0..count).filter(|m| reached[*m]).map(|m| RevisionId::new(name(m))).collect();
                assert_eq!(graph.descendants(&RevisionId::new(name(n))), above);
            }
            for mask in 0..1_usize << count {
                let applied: Set =
                    (0..count).filter(|n| mask >> n & 1 == 1).map(|n| RevisionId::new(name(n))).collect();
                if closed(&graph, &applied) {
                    check(&graph, &applied);
                    let order: Vec<_> =
                        graph.order().iter().filter(|id| applied.contains(*id)).cloned().collect();
                    check_down(&graph, &order);
                }
            }
        }
    }
}

#[test]
fn every_directed_graph_of_four_is_ordered_or_a_cycle() {
    let pairs: Vec<(usize, usize)> =
        (0..4).flat_map(|a| (0..4).filter(move |b| a != *b).map(move |b| (a, b))).collect();
    for mask in 0..1_usize << pairs.len() {
        let edges: Vec<_> = pairs
            .iter()
            .enumerate()
            .filter(|(k, _)| mask >> k & 1 == 1)
            .map(|(_, (a, b))| (*a, *b, true))
            .collect();
        let reach = closure(4, &edges);
        match RevisionGraph::new(nodes(4, &edges)) {
            Ok(graph) => {
                assert!((0..4).all(|n| !reach[n][n]));
                assert_eq!(graph.edges().len(), edges.len());
            }
            Err(GraphError::Cycle { steps }) => {
                let files: Vec<usize> =
                    steps.iter().map(|step| step.file[..3].parse::<usize>().expect("a number") - 1).collect();
                for (k, later) in files.iter().enumerate() {
                    let earlier = files[(k + 1) % files.len()];
                    assert!(edges.contains(&(earlier, *later, true)), "{files:?} in {edges:?}");
                }
                assert_eq!(files.iter().collect::<BTreeSet<_>>().len(), files.len());
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// A graph of up to 12 revisions, and a shuffle of as many.
fn random() -> impl Strategy<Value = (usize, Vec<(usize, usize, bool)>, Vec<usize>)> {
    (1..12_usize).prop_flat_map(|count| {
        let edge = (0..count, 0..count, any::<bool>());
        let edges = proptest::collection::vec(edge, 0..2 * count).prop_map(|edges| {
            let forward: BTreeSet<_> = edges
                .into_iter()
                .filter(|(a, b, _)| a != b)
                .map(|(a, b, p)| (a.min(b), a.max(b), p))
                .collect();
            forward.into_iter().collect::<Vec<_>>()
        });
        let shuffle = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        (Just(count), edges, shuffle)
    })
}

proptest! {
    #[test]
    fn random_graphs_hold_together((count, edges, shuffle) in random(), some in any::<u16>()) {
        let sorted = nodes(count, &edges);
        let graph = RevisionGraph::new(sorted.clone()).expect("a graph");
        let shuffled = RevisionGraph::new(shuffle.iter().map(|n| sorted[*n].clone()).collect()).expect("a graph");
        prop_assert_eq!(graph.order(), shuffled.order());
        prop_assert_eq!(graph.edges(), shuffled.edges());

        let mut applied = Set::new();
        for id in graph.order().iter().enumerate().filter(|(n, _)| some >> n & 1 == 1).map(|(_, id)| id) {
            applied.extend(graph.ancestors(id));
            applied.insert(id.clone());
        }
        check(&graph, &applied);

        // Applied in any order, as by hand or before a file came late.
        let any_order: Vec<_> = shuffle.iter().map(|n| RevisionId::new(name(*n))).filter(|id| applied.contains(id)).collect();
        check_down(&graph, &any_order);
    }

    #[test]
    fn upgrade_then_downgrade_returns((count, edges, _) in random(), from in 0..12_usize, to in 0..12_usize) {
        let graph = RevisionGraph::new(nodes(count, &edges)).expect("a graph");
        let (from, to) = (Target::revision(name(from % count)), Target::revision(name(to % count)));
        let before = graph.upgrade(&from, &Set::new()).expect("a plan");
        let more = graph.upgrade(&to, &before.iter().cloned().collect()).expect("a plan");
        let order: Vec<_> = before.iter().chain(&more).cloned().collect();
        let undone = graph.downgrade_count(more.len().max(1), &order).expect("a plan");
        if !more.is_empty() {
            let undone: Set = undone.into_iter().collect();
            prop_assert_eq!(undone, more.into_iter().collect::<Set>());
        }
    }

    #[test]
    fn a_chain_comes_back_to_its_target(count in 2..20_usize, from in 0..20_usize) {
        let graph = RevisionGraph::new((0..count).map(|n| node(&name(n))).collect()).expect("a graph");
        let target = Target::revision(name(from % count));
        let before = graph.upgrade(&target, &Set::new()).expect("a plan");
        let after = graph.order();
        let undone = graph.downgrade(&target, after).expect("a plan");
        let left: Vec<_> = after.iter().filter(|id| !undone.contains(id)).cloned().collect();
        prop_assert_eq!(left, before);
    }

    #[test]
    fn a_squash_ends_where_its_files_end(
        count in 2..9_usize, range in (0..9_usize, 0..9_usize), own in any::<bool>(), beside in any::<bool>(), some in any::<u16>()
    ) {
        let (first, last) = (range.0.min(range.1) % count, range.0.max(range.1) % count);
        let (first, last) = (first.min(last), first.max(last));
        let replaced: Vec<String> = (first..=last).map(name).collect();
        let id = if own { replaced[0].clone() } else { format!("{}_squash", replaced[0]) };
        let keep = |n: &usize| !(first..=last).contains(n) || (beside && !(own && *n == first));
        let mut nodes: Vec<Node> = (0..count).filter(keep).map(|n| node(&name(n))).collect();
        nodes.push(node(&format!("{id} replaces={}", replaced.join(","))));
        let graph = RevisionGraph::new(nodes).expect("a graph");
        prop_assert_eq!(graph.heads().len(), 1);
        prop_assert_eq!(graph.order().len(), count - (last - first));

        let old: Vec<RevisionId> = (0..count).filter(|n| some >> n & 1 == 1).map(|n| RevisionId::new(name(n))).collect();
        let mut applied: Set = old.iter().cloned().collect();
        let has = replaced.iter().filter(|id| applied.contains(&RevisionId::new(id.as_str()))).count();
        match graph.upgrade(&Target::Head, &applied) {
            Ok(plan) => {
                for (done, id) in plan.iter().enumerate() {
                    prop_assert_eq!(&graph.upgrade(&Target::Head, &applied).expect("a plan"), &plan[done..]);
                    prop_assert!(applied.insert(id.clone()), "{} twice", id);
                }
                prop_assert!(graph.upgrade(&Target::Head, &applied).expect("a plan").is_empty());
                let ran = plan.iter().any(|step| step.as_str() == id);
                let rest = plan.iter().filter(|step| replaced.iter().any(|r| r == step.as_str())).count();
                prop_assert!(ran == (has == 0), "the whole runs where nothing of it is applied");
                prop_assert!(own || has == 0 || has + rest == replaced.len());
            }
            Err(GraphError::HalfReplaced { missing, .. }) => {
                prop_assert!(has > 0 && has < replaced.len() && !missing.is_empty());
                prop_assert!(!beside || own);
            }
            Err(other) => panic!("{other}"),
        }
        let order: Vec<_> = applied.iter().cloned().collect();
        prop_assert_eq!(graph.downgrade(&Target::Base, &order).expect("a plan").len(), order.len());
    }

    #[test]
    fn ids_without_files_are_never_an_error(ids in proptest::collection::btree_set("[0-9]{1,3}|[a-f]{2}", 0..8), target in "[-+@a-f0-9head]{1,5}") {
        let graph = RevisionGraph::new((0..4).map(|n| node(&name(n))).collect()).expect("a graph");
        let applied: Set = ids.iter().map(|id| RevisionId::from(id.as_str())).collect();
        let order: Vec<_> = applied.iter().rev().cloned().collect();
        let plan = graph.upgrade(&Target::Head, &applied).expect("a plan");
        prop_assert!(plan.iter().all(|id| graph.contains(id) && !applied.contains(id)));
        prop_assert_eq!(graph.downgrade(&Target::Base, &order).expect("a plan").len(), order.len());
        if let Ok(target) = target.parse::<Target>() {
            drop((graph.upgrade(&target, &applied), graph.downgrade(&target, &order), graph.closure(&target)));
        }
        drop((graph.current(&applied), graph.late(&plan, &applied)));
    }
}

#[test]
fn ten_thousand_in_a_chain_are_quick() {
    let count = 10_000_usize;
    let line = |n: usize| match n {
        0 => "00000 down=none".to_owned(),
        // Half by headers, half by version; shuffled by a factor that shares nothing with the count.
        n if n % 2 == 0 => format!("{n:05} down={:05}", n - 1),
        n => format!("{n:05} needs={}", n / 2),
    };
    let nodes: Vec<Node> = (0..count).map(|n| node(&line(n * 7_919 % count))).collect();
    let build = || {
        let nodes = nodes.clone();
        let start = Instant::now();
        let graph = RevisionGraph::new(nodes).expect("a graph");
        (start.elapsed(), graph)
    };
    let (built, graph) = (0..5).map(|_| build()).min_by_key(|(took, _)| *took).expect("five");
    assert_eq!(graph.order().len(), count);
    assert!(graph.order().is_sorted());
    let start = Instant::now();
    let plan = graph.upgrade(&Target::Head, &Set::new()).expect("a plan");
    let undone = graph.downgrade(&Target::Base, &plan).expect("a plan");
    println!("built in {built:?}, up and down in {:?}", start.elapsed());
    assert_eq!(undone.len(), count);
    // Generous: this is a debug build on a busy machine; what it must catch is quadratic work.
    assert!(built < Duration::from_secs(2), "{built:?}");
}
