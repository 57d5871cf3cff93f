//! What PostgreSQL is asked for a fingerprint, by its own catalogue (<https://www.postgresql.org/docs/current/catalogs.html>), and how
//! a database is made beside another.
//!
//! The search path is empty, so that every name is written with its schema, whatever a session or a role is set to. What an extension
//! owns is the extension's. Left out: owners (but privileges are those of others than the owner), tablespaces of indexes, what is
//! beside the database (roles, its own settings), subscriptions, transforms, and the rows of foreign tables and materialized views,
//! which are other tables' rows. Of a large object the column's number is read as its content.

use crate::dialect::{Catalog, Entry, Fingerprinting, Scratching};
use crate::value::Row;

pub(super) static FINGERPRINT: Fingerprinting = Fingerprinting {
    home: "public",
    folds: false,
    begin: BEGIN,
    end: "ROLLBACK",
    catalogs: &[
        Catalog::of(SCHEMAS),
        Catalog::of(RELATIONS),
        Catalog::of(COLUMNS),
        Catalog::of(CONSTRAINTS),
        Catalog::of(INDEXES),
        Catalog::of(ROUTINES),
        Catalog::of(TRIGGERS),
        Catalog::of(EVENT_TRIGGERS),
        Catalog::of(RULES),
        Catalog::of(POLICIES),
        Catalog::of(TYPES),
        Catalog::of(SEQUENCES),
        Catalog::asking(POSITIONS, position),
        Catalog::of(STATISTICS),
        Catalog::of(EXTENSIONS),
        Catalog::of(DEFAULT_PRIVILEGES),
        Catalog::of(COLLATIONS),
        Catalog::of(OPERATORS),
        Catalog::of(TEXT_SEARCH),
        Catalog::of(FOREIGN),
        Catalog::of(OTHERS),
        Catalog::of(COMMENTS),
        Catalog::of(LARGE_OBJECTS),
    ],
    columns: VALUES,
};

/// What a session, a role or the database may be set to and what changes how something is written. Under row security a table would
/// be read in part: it is an error then.
const BEGIN: &[&str] = &[
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off; SET LOCAL row_security = off; \
     SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
     SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL xmlbinary = 'base64'; \
     SET LOCAL lc_monetary = 'C'",
];

/// The schemas of people, `n`.
macro_rules! theirs {
    () => {
        "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    };
}

/// That no extension owns the row `$row` of the catalogue `$catalog`.
macro_rules! own {
    ($catalog:literal, $row:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM pg_depend AS e WHERE e.classid = '",
            $catalog,
            "'::regclass AND e.objid = ",
            $row,
            " AND e.deptype = 'e')"
        )
    };
}

/// The entries of a list of privileges as texts `p`. Who gave them is left out.
macro_rules! entries {
    ($acl:literal, $owner:literal) => {
        concat!(
            "SELECT CASE WHEN g.grantee = 0 THEN 'PUBLIC' WHEN g.grantee = ",
            $owner,
            " THEN 'owner' ELSE quote_ident(pg_get_userbyid(g.grantee)) END || ' ' || g.privilege_type \
             || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END AS p FROM aclexplode(",
            $acl,
            ") AS g"
        )
    };
}

/// Where privileges are not as they are by default: what is given more, and what is taken away. NULL where they are.
macro_rules! privileges {
    ($acl:literal, $owner:literal, $default:literal) => {
        concat!(
            "(SELECT 'privileges ' || string_agg(z.sign || z.p, ', ' ORDER BY z.p COLLATE \"C\") FROM (\
             SELECT '+' AS sign, x.p FROM (",
            entries!($acl, $owner),
            " EXCEPT ",
            entries!($default, $owner),
            ") AS x UNION ALL SELECT '-', y.p FROM (",
            entries!($default, $owner),
            " EXCEPT ",
            entries!($acl, $owner),
            ") AS y) AS z WHERE ",
            $acl,
            " IS NOT NULL)"
        )
    };
}

/// `public` is there in a new database, with privileges of its own.
const SCHEMAS: &str = concat!(
    "SELECT 'schema', NULL, NULL, n.nspname, s.privileges FROM pg_namespace AS n CROSS JOIN LATERAL (SELECT ",
    privileges!(
        "n.nspacl",
        "n.nspowner",
        "coalesce((SELECT i.initprivs FROM pg_init_privs AS i WHERE i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid), \
         acldefault('n', n.nspowner))"
    ),
    " AS privileges) AS s WHERE ",
    theirs!(),
    " AND ",
    own!("pg_namespace", "n.oid"),
    " AND (n.nspname <> 'public' OR s.privileges IS NOT NULL) \
     UNION ALL SELECT 'schema', NULL, NULL, 'public', 'is missing' WHERE NOT EXISTS (SELECT 1 FROM pg_namespace AS n \
     WHERE n.nspname = 'public')"
);

const RELATIONS: &str = concat!(
    "SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END, \
     n.nspname, c.relname, NULL, concat_ws(E'\\n', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END, \
     CASE WHEN c.relkind = 'p' THEN 'partition by ' || pg_get_partkeydef(c.oid) END, \
     (SELECT string_agg(CASE WHEN c.relispartition THEN 'partition of ' ELSE 'inherits ' END || i.inhparent::regclass, E'\\n' \
     ORDER BY i.inhseqno) FROM pg_inherits AS i WHERE i.inhrelid = c.oid), pg_get_expr(c.relpartbound, c.oid), \
     'of ' || nullif(c.reloftype, 0)::regtype, \
     'access method ' || (SELECT a.amname FROM pg_am AS a WHERE a.oid = c.relam AND a.amname <> 'heap'), \
     'tablespace ' || (SELECT t.spcname FROM pg_tablespace AS t WHERE t.oid = c.reltablespace), \
     'with ' || array_to_string(c.reloptions, ', '), \
     'toast with ' || (SELECT array_to_string(t.reloptions, ', ') FROM pg_class AS t WHERE t.oid = c.reltoastrelid), \
     CASE WHEN c.relrowsecurity THEN 'row level security' END, CASE WHEN c.relforcerowsecurity THEN 'row level security forced' END, \
     CASE WHEN c.relkind IN ('r', 'p', 'm') AND c.relreplident <> 'd' THEN 'replica identity ' || c.relreplident::text END, \
     (SELECT 'server ' || s.srvname || ' ' || coalesce(array_to_string(f.ftoptions, ', '), '') FROM pg_foreign_table AS f \
     JOIN pg_foreign_server AS s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid), \
     CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'not populated' END, \
     CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, ",
    privileges!("c.relacl", "c.relowner", "acldefault('r', c.relowner)"),
    ") FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND ",
    theirs!(),
    " AND ",
    own!("pg_class", "c.oid")
);

const COLUMNS: &str = concat!(
    "SELECT 'column', n.nspname, c.relname, a.attname, concat_ws(' ', \
     row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) || ':', format_type(a.atttypid, a.atttypmod), \
     'COLLATE ' || (SELECT nullif(a.attcollation, t.typcollation)::regcollation), CASE WHEN a.attnotnull THEN 'NOT NULL' END, \
     CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END, \
     CASE a.attgenerated WHEN 's' THEN 'GENERATED STORED' WHEN 'v' THEN 'GENERATED VIRTUAL' ELSE 'DEFAULT' END || ' ' \
     || pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || a.attstorage::text END, \
     'COMPRESSION ' || nullif(to_jsonb(a) ->> 'attcompression', ''), \
     CASE WHEN coalesce(a.attstattarget, -1) <> -1 THEN 'STATISTICS ' || a.attstattarget END, \
     'WITH ' || array_to_string(a.attoptions, ', '), 'OPTIONS ' || array_to_string(a.attfdwoptions, ', '), ",
    privileges!("a.attacl", "c.relowner", "acldefault('c', c.relowner)"),
    ") FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND ",
    theirs!(),
    " AND ",
    own!("pg_class", "c.oid")
);

/// Of tables and of domains. Those that are triggers are among the triggers.
const CONSTRAINTS: &str = concat!(
    "SELECT 'constraint', n.nspname, coalesce(c.relname, t.typname), k.conname, pg_get_constraintdef(k.oid) \
     || CASE WHEN k.convalidated THEN '' ELSE ' (not validated)' END || CASE WHEN k.conislocal THEN '' ELSE ' (inherited)' END \
     FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace LEFT JOIN pg_class AS c ON c.oid = k.conrelid \
     LEFT JOIN pg_type AS t ON t.oid = k.contypid WHERE k.contype <> 't' AND ",
    theirs!(),
    " AND ",
    own!("pg_class", "k.conrelid"),
    " AND ",
    own!("pg_type", "k.contypid")
);

const INDEXES: &str = concat!(
    "SELECT 'index', n.nspname, c.relname, i.relname, concat_ws(E'\\n', pg_get_indexdef(i.oid), \
     CASE WHEN NOT x.indisvalid THEN 'not valid' END, CASE WHEN NOT x.indisready THEN 'not ready' END, \
     CASE WHEN x.indisreplident THEN 'replica identity' END, CASE WHEN x.indisclustered THEN 'clustered' END, \
     (SELECT 'of ' || h.inhparent::regclass FROM pg_inherits AS h WHERE h.inhrelid = i.oid), \
     (SELECT 'statistics ' || string_agg(a.attnum || ' ' || a.attstattarget, ', ' ORDER BY a.attnum) FROM pg_attribute AS a \
     WHERE a.attrelid = i.oid AND coalesce(a.attstattarget, -1) <> -1)) \
     FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS c ON c.oid = x.indrelid \
     JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm') AND ",
    theirs!(),
    " AND ",
    own!("pg_class", "c.oid")
);

const ROUTINES: &str = concat!(
    "SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, n.nspname, NULL, p.proname, \
     concat_ws(E'\\n', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE (SELECT concat_ws(' ', g.aggkind, g.aggnumdirectargs, \
     pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.proparallel, g.aggtransfn, g.aggfinalfn, g.aggcombinefn, \
     g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn, g.aggfinalextra, g.aggmfinalextra, \
     g.aggfinalmodify, g.aggmfinalmodify, g.aggsortop::regoperator, g.aggtranstype::regtype, g.aggtransspace, \
     g.aggmtranstype::regtype, g.aggmtransspace, quote_nullable(g.agginitval), quote_nullable(g.aggminitval)) \
     FROM pg_aggregate AS g WHERE g.aggfnoid = p.oid) END, ",
    privileges!("p.proacl", "p.proowner", "acldefault('f', p.proowner)"),
    "), '(' || pg_get_function_identity_arguments(p.oid) || ')' FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_proc", "p.oid"),
    // What makes the values of a range comes and goes with it.
    " AND NOT EXISTS (SELECT 1 FROM pg_depend AS e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'i')"
);

const TRIGGERS: &str = concat!(
    "SELECT 'trigger', n.nspname, c.relname, t.tgname, pg_get_triggerdef(t.oid) \
     || CASE t.tgenabled WHEN 'O' THEN '' ELSE E'\\nenabled ' || t.tgenabled::text END \
     FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE NOT t.tgisinternal AND ",
    theirs!(),
    " AND ",
    own!("pg_class", "c.oid"),
    // One that is turned off among those that a foreign key is made of.
    " UNION ALL SELECT 'triggers', n.nspname, c.relname, k.conname, string_agg(t.tgfoid::regproc || ' ' || t.tgenabled::text, ', ' ORDER BY t.tgfoid) \
     FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     JOIN pg_constraint AS k ON k.oid = t.tgconstraint WHERE t.tgisinternal AND t.tgenabled <> 'O' AND ",
    theirs!(),
    " GROUP BY n.nspname, c.relname, k.conname"
);

const EVENT_TRIGGERS: &str = concat!(
    "SELECT 'event trigger', NULL, NULL, v.evtname, concat_ws(' ', v.evtevent, array_to_string(v.evttags, ', '), \
     v.evtfoid::regprocedure, v.evtenabled) FROM pg_event_trigger AS v WHERE ",
    own!("pg_event_trigger", "v.oid")
);

const RULES: &str = concat!(
    "SELECT 'rule', n.nspname, c.relname, r.rulename, pg_get_ruledef(r.oid) \
     || CASE r.ev_enabled WHEN 'O' THEN '' ELSE E'\\nenabled ' || r.ev_enabled::text END \
     FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE r.rulename <> '_RETURN' AND ",
    theirs!(),
    " AND ",
    own!("pg_class", "c.oid")
);

const POLICIES: &str = concat!(
    "SELECT 'policy', n.nspname, c.relname, y.polname, concat_ws(' ', CASE WHEN y.polpermissive THEN 'permissive' ELSE 'restrictive' END, \
     y.polcmd, 'to ' || (SELECT string_agg(w.name, ', ' ORDER BY w.name COLLATE \"C\") FROM (SELECT CASE WHEN m.id = 0 THEN 'PUBLIC' \
     ELSE quote_ident(pg_get_userbyid(m.id)) END AS name FROM unnest(y.polroles) AS m (id)) AS w), \
     'using ' || pg_get_expr(y.polqual, y.polrelid), 'check ' || pg_get_expr(y.polwithcheck, y.polrelid)) \
     FROM pg_policy AS y JOIN pg_class AS c ON c.oid = y.polrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_class", "c.oid")
);

/// Those that come with a table, another type or a range are none of their own.
const TYPES: &str = concat!(
    "SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, n.nspname, NULL, t.typname, concat_ws(' ', CASE t.typtype \
     WHEN 'e' THEN 'enum ' || (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) FROM pg_enum AS l \
     WHERE l.enumtypid = t.oid) \
     WHEN 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod), 'COLLATE ' || (SELECT \
     nullif(t.typcollation, b.typcollation)::regcollation FROM pg_type AS b WHERE b.oid = t.typbasetype), \
     CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || t.typdefault) \
     WHEN 'c' THEN (SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), \
     nullif(a.attcollation, 0)::regcollation), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = t.typrelid \
     AND a.attnum > 0 AND NOT a.attisdropped) \
     WHEN 'r' THEN (SELECT concat_ws(' ', 'range of', format_type(r.rngsubtype, NULL), nullif(r.rngcollation, 0)::regcollation, \
     (SELECT o.opcname FROM pg_opclass AS o WHERE o.oid = r.rngsubopc), r.rngcanonical, r.rngsubdiff, \
     (to_jsonb(r) ->> 'rngmultitypid')::oid::regtype) FROM pg_range AS r WHERE r.rngtypid = t.oid) \
     ELSE concat_ws(' ', t.typtype, t.typinput, t.typoutput, t.typlen, t.typalign, t.typstorage, t.typcategory) END, ",
    privileges!("t.typacl", "t.typowner", "acldefault('T', t.typowner)"),
    ") FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE t.typtype <> 'm' \
     AND (t.typrelid = 0 OR (SELECT c.relkind FROM pg_class AS c WHERE c.oid = t.typrelid) = 'c') \
     AND NOT EXISTS (SELECT 1 FROM pg_type AS m WHERE m.typarray = t.oid) AND ",
    theirs!(),
    " AND ",
    own!("pg_type", "t.oid")
);

/// A sequence with the table it belongs to, where it belongs to a column.
macro_rules! sequences {
    () => {
        concat!(
            "FROM pg_sequence AS q JOIN pg_class AS c ON c.oid = q.seqrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
             LEFT JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') \
             AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 LEFT JOIN pg_class AS o ON o.oid = d.refobjid WHERE ",
            theirs!(),
            " AND ",
            own!("pg_class", "c.oid"),
            " AND ",
            own!("pg_class", "coalesce(o.oid, 0)")
        )
    };
}

const SEQUENCES: &str = concat!(
    "SELECT 'sequence', n.nspname, o.relname, c.relname, concat_ws(' ', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END, \
     q.seqtypid::regtype, 'from', q.seqstart, 'by', q.seqincrement, 'min', q.seqmin, 'max', q.seqmax, 'cache', q.seqcache, \
     CASE WHEN q.seqcycle THEN 'cycle' END, 'of ' || (SELECT quote_ident(a.attname) FROM pg_attribute AS a \
     WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid), ",
    privileges!("c.relacl", "c.relowner", "acldefault('s', c.relowner)"),
    ") ",
    sequences!()
);

/// Where each sequence stands, which is in the sequence itself.
const POSITIONS: &str = concat!(
    "SELECT 'position of sequence', n.nspname, o.relname, c.relname, \
     format('SELECT last_value, is_called::int FROM %I.%I', n.nspname, c.relname) ",
    sequences!()
);

fn position(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let mut entry = entry.clone();
    let Some(row) = rows.first() else { return Vec::new() };
    let next = if row.get(1).is_true() { "behind" } else { "at" };
    entry.definition = format!("{next} {}", row.get(0));
    vec![entry]
}

const STATISTICS: &str = concat!(
    "SELECT 'statistics', n.nspname, c.relname, s.stxname, concat_ws(' ', pg_get_statisticsobjdef(s.oid), \
     CASE WHEN coalesce((to_jsonb(s) ->> 'stxstattarget')::int, -1) <> -1 THEN 'target ' || (to_jsonb(s) ->> 'stxstattarget') END) \
     FROM pg_statistic_ext AS s JOIN pg_namespace AS n ON n.oid = s.stxnamespace JOIN pg_class AS c ON c.oid = s.stxrelid WHERE ",
    theirs!(),
    " AND ",
    own!("pg_statistic_ext", "s.oid")
);

/// PL/pgSQL is there in a new database.
const EXTENSIONS: &str = "SELECT 'extension', NULL, NULL, x.extname, x.extversion || ' in ' || n.nspname FROM pg_extension AS x \
     JOIN pg_namespace AS n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql'";

const DEFAULT_PRIVILEGES: &str = concat!(
    "SELECT 'default privileges', NULL, NULL, NULL, (SELECT string_agg(z.p, ', ' ORDER BY z.p COLLATE \"C\") FROM (",
    entries!("f.defaclacl", "f.defaclrole"),
    ") AS z), 'of ' || quote_ident(pg_get_userbyid(f.defaclrole)) || coalesce(' in ' || quote_ident(n.nspname), '') || ' on ' \
     || CASE f.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'routines' WHEN 'T' THEN 'types' \
     WHEN 'n' THEN 'schemas' ELSE f.defaclobjtype::text END \
     FROM pg_default_acl AS f LEFT JOIN pg_namespace AS n ON n.oid = f.defaclnamespace"
);

/// Columns of later versions are asked for by their names.
const COLLATIONS: &str = concat!(
    "SELECT 'collation', n.nspname, NULL, o.collname, (to_jsonb(o) - '{oid,collname,collnamespace,collowner,collversion}'::text[])::text \
     FROM pg_collation AS o JOIN pg_namespace AS n ON n.oid = o.collnamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_collation", "o.oid"),
    " UNION ALL SELECT 'conversion', n.nspname, NULL, v.conname, concat_ws(' ', pg_encoding_to_char(v.conforencoding), \
     pg_encoding_to_char(v.contoencoding), v.conproc, v.condefault) \
     FROM pg_conversion AS v JOIN pg_namespace AS n ON n.oid = v.connamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_conversion", "v.oid")
);

const OPERATORS: &str = concat!(
    "SELECT 'operator', n.nspname, NULL, o.oprname, concat_ws(' ', o.oprcode, 'commutator', o.oprcom::regoperator, 'negator', \
     o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash), \
     '(' || format_type(nullif(o.oprleft, 0), NULL) || ', ' || format_type(o.oprright, NULL) || ')' \
     FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = o.oprnamespace WHERE o.oprcode <> 0 AND ",
    theirs!(),
    " AND ",
    own!("pg_operator", "o.oid"),
    " UNION ALL SELECT 'operator class', n.nspname, NULL, k.opcname, concat_ws(' ', k.opcintype::regtype, \
     nullif(k.opckeytype, 0)::regtype, CASE WHEN k.opcdefault THEN 'default' END, \
     (SELECT i.identity FROM pg_identify_object('pg_opfamily'::regclass, k.opcfamily, 0) AS i)), \
     ' using ' || (SELECT a.amname FROM pg_am AS a WHERE a.oid = k.opcmethod) \
     FROM pg_opclass AS k JOIN pg_namespace AS n ON n.oid = k.opcnamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_opclass", "k.oid"),
    " UNION ALL SELECT 'operator family', n.nspname, NULL, f.opfname, concat_ws(E'\\n', (SELECT string_agg(concat_ws(' ', \
     o.amopstrategy, o.amopopr::regoperator, o.amoppurpose), E'\\n' ORDER BY o.amopstrategy, o.amopopr::regoperator::text) \
     FROM pg_amop AS o WHERE o.amopfamily = f.oid), (SELECT string_agg(concat_ws(' ', p.amprocnum, p.amproclefttype::regtype, \
     p.amprocrighttype::regtype, p.amproc), E'\\n' ORDER BY p.amprocnum, p.amproclefttype::regtype::text, p.amprocrighttype::regtype::text) \
     FROM pg_amproc AS p WHERE p.amprocfamily = f.oid)), ' using ' || (SELECT a.amname FROM pg_am AS a WHERE a.oid = f.opfmethod) \
     FROM pg_opfamily AS f JOIN pg_namespace AS n ON n.oid = f.opfnamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_opfamily", "f.oid")
);

const TEXT_SEARCH: &str = concat!(
    "SELECT 'text search configuration', n.nspname, NULL, f.cfgname, concat_ws(E'\\n', (SELECT i.identity \
     FROM pg_identify_object('pg_ts_parser'::regclass, f.cfgparser, 0) AS i), (SELECT string_agg(m.maptokentype || ' ' \
     || m.mapdict::regdictionary, E'\\n' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map AS m WHERE m.mapcfg = f.oid)) \
     FROM pg_ts_config AS f JOIN pg_namespace AS n ON n.oid = f.cfgnamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_ts_config", "f.oid"),
    " UNION ALL SELECT 'text search dictionary', n.nspname, NULL, d.dictname, concat_ws(' ', (SELECT i.identity \
     FROM pg_identify_object('pg_ts_template'::regclass, d.dicttemplate, 0) AS i), d.dictinitoption) \
     FROM pg_ts_dict AS d JOIN pg_namespace AS n ON n.oid = d.dictnamespace WHERE ",
    theirs!(),
    " AND ",
    own!("pg_ts_dict", "d.oid")
);

/// Options may be secrets: their sum stands for them.
const FOREIGN: &str = concat!(
    "SELECT 'foreign data wrapper', NULL, NULL, w.fdwname, concat_ws(' ', w.fdwhandler, w.fdwvalidator, md5(w.fdwoptions::text), ",
    privileges!("w.fdwacl", "w.fdwowner", "acldefault('F', w.fdwowner)"),
    "), NULL FROM pg_foreign_data_wrapper AS w WHERE ",
    own!("pg_foreign_data_wrapper", "w.oid"),
    " UNION ALL SELECT 'server', NULL, NULL, s.srvname, concat_ws(' ', (SELECT w.fdwname FROM pg_foreign_data_wrapper AS w \
     WHERE w.oid = s.srvfdw), s.srvtype, s.srvversion, md5(s.srvoptions::text), ",
    privileges!("s.srvacl", "s.srvowner", "acldefault('S', s.srvowner)"),
    "), NULL FROM pg_foreign_server AS s WHERE ",
    own!("pg_foreign_server", "s.oid"),
    " UNION ALL SELECT 'user mapping', NULL, NULL, NULL, CASE WHEN u.umoptions IS NULL THEN '' ELSE md5(u.umoptions::text) END, \
     concat(quote_ident(u.usename), ' on ', quote_ident(u.srvname)) FROM pg_user_mappings AS u"
);

const OTHERS: &str = concat!(
    "SELECT 'cast', NULL, NULL, NULL, concat_ws(' ', nullif(k.castfunc, 0)::regprocedure, k.castcontext, k.castmethod), \
     concat('(', format_type(k.castsource, NULL), ' AS ', format_type(k.casttarget, NULL), ')') \
     FROM pg_cast AS k WHERE k.oid >= 16384 AND ",
    own!("pg_cast", "k.oid"),
    // What makes the values of a range comes with casts of its own.
    " AND NOT EXISTS (SELECT 1 FROM pg_depend AS e WHERE e.classid = 'pg_cast'::regclass AND e.objid = k.oid AND e.deptype = 'i') \
     UNION ALL SELECT 'language', NULL, NULL, l.lanname, concat_ws(' ', l.lanpltrusted, l.lanplcallfoid::regproc, \
     l.laninline::regproc, l.lanvalidator::regproc, ",
    privileges!("l.lanacl", "l.lanowner", "acldefault('l', l.lanowner)"),
    "), NULL FROM pg_language AS l WHERE l.oid >= 16384 AND ",
    own!("pg_language", "l.oid"),
    " UNION ALL SELECT 'access method', NULL, NULL, a.amname, concat_ws(' ', a.amtype, a.amhandler), NULL FROM pg_am AS a \
     WHERE a.oid >= 16384 AND ",
    own!("pg_am", "a.oid"),
    " UNION ALL SELECT 'publication', NULL, NULL, p.pubname, concat_ws(E'\\n', \
     (to_jsonb(p) - '{oid,pubname,pubowner}'::text[])::text, (SELECT string_agg(format('%I.%I', t.schemaname, t.tablename), E'\\n' \
     ORDER BY t.schemaname, t.tablename) FROM pg_publication_tables AS t WHERE t.pubname = p.pubname AND NOT p.puballtables)), NULL \
     FROM pg_publication AS p WHERE ",
    own!("pg_publication", "p.oid")
);

/// In the words of the catalogue, which are not translated. `public` has one in a new database.
const COMMENTS: &str = "SELECT 'comment on', NULL, NULL, NULL, d.description, i.type || ' ' || i.identity FROM pg_description AS d \
     CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i \
     WHERE (d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass) AND i.identity IS NOT NULL \
     AND (i.schema IS NULL OR (i.schema !~ '^pg_' AND i.schema <> 'information_schema')) \
     AND NOT (i.type = 'schema' AND (i.identity ~ '^pg_' OR (i.identity = 'public' AND d.description = 'standard public schema'))) \
     AND NOT EXISTS (SELECT 1 FROM pg_depend AS e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')";

const LARGE_OBJECTS: &str = "SELECT 'large objects', NULL, NULL, NULL, count(*) || ' ' || md5(string_agg(s.sum, ',' ORDER BY s.sum)) \
     FROM (SELECT encode(sha256(lo_get(m.oid)), 'hex') AS sum FROM pg_largeobject_metadata AS m) AS s HAVING count(*) > 0";

/// A partitioned table has no rows of its own, and rows of a child are not its parent's. A number that names a large object is
/// another one in each database.
const VALUES: &str = concat!(
    "SELECT n.nspname, c.relname, format('ONLY %I.%I AS x', n.nspname, c.relname), a.attname, CASE WHEN a.attname IS NULL THEN NULL WHEN t.typname IN ('oid', 'lo') \
     THEN format('CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_largeobject_metadata AS m WHERE m.oid = x.%1$I::pg_catalog.oid) \
     THEN pg_catalog.encode(pg_catalog.sha256(pg_catalog.lo_get(x.%1$I::pg_catalog.oid)), ''hex'') ELSE x.%1$I::pg_catalog.text END', a.attname) \
     ELSE format('x.%I', a.attname) END \
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     LEFT JOIN pg_type AS t ON t.oid = a.atttypid WHERE c.relkind = 'r' AND ",
    theirs!(),
    " AND ",
    own!("pg_class", "c.oid"),
    " ORDER BY n.nspname, c.relname, a.attnum"
);

pub(super) static SCRATCH: Scratching = Scratching {
    // With the words of the versions that know them: 15 names the provider, 16 has rules, 17 has another name for the locale.
    like: "SELECT ' TEMPLATE template0 ENCODING ' || quote_literal(pg_encoding_to_char(d.encoding)) || ' LC_COLLATE ' \
           || quote_literal(d.datcollate) || ' LC_CTYPE ' || quote_literal(d.datctype) || CASE j.it ->> 'datlocprovider' \
           WHEN 'i' THEN ' LOCALE_PROVIDER icu ICU_LOCALE ' || quote_literal(coalesce(j.it ->> 'datlocale', j.it ->> 'daticulocale')) \
           || coalesce(' ICU_RULES ' || quote_literal(j.it ->> 'daticurules'), '') \
           WHEN 'b' THEN ' LOCALE_PROVIDER builtin BUILTIN_LOCALE ' || quote_literal(j.it ->> 'datlocale') ELSE '' END \
           FROM pg_catalog.pg_database AS d CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d)) AS j (it) \
           WHERE d.datname = pg_catalog.current_database()",
    // What the database is set to, for all or for this role; what every session of ours sets is left out.
    alike: Some(
        "SELECT DISTINCT 'ALTER DATABASE {name} SET ' || pg_catalog.quote_ident(s.name) || ' FROM CURRENT' \
         FROM pg_catalog.pg_db_role_setting AS r JOIN pg_catalog.pg_database AS d ON d.oid = r.setdatabase \
         CROSS JOIN LATERAL (SELECT pg_catalog.split_part(u.setting, '=', 1) FROM pg_catalog.unnest(r.setconfig) AS u (setting)) AS s (name) \
         WHERE d.datname = pg_catalog.current_database() AND (r.setrole = 0 OR r.setrole = (SELECT w.oid FROM pg_catalog.pg_roles AS w \
         WHERE w.rolname = current_user)) AND s.name NOT IN ('statement_timeout', 'idle_in_transaction_session_timeout', \
         'client_encoding', 'standard_conforming_strings', 'lock_timeout') ORDER BY 1",
    ),
    // FORCE came with 13 (https://www.postgresql.org/docs/13/sql-dropdatabase.html).
    drop: &["DROP DATABASE IF EXISTS {name} WITH (FORCE)", "DROP DATABASE IF EXISTS {name}"],
    taken: "42P04",
    right: "CREATEDB",
    grant: "SELECT 'ALTER ROLE ' || pg_catalog.quote_ident(current_user) || ' CREATEDB'",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_stands_at_its_value_until_that_is_taken() {
        let entry = || Entry::of(Row(vec!["position of sequence".into()]));
        let read =
            |called: &str| position(&entry(), &[Row(vec!["7".into(), called.into()])])[0].definition.clone();
        assert_eq!((read("0"), read("1")), ("at 7".to_owned(), "behind 7".to_owned()));
        assert!(position(&entry(), &[]).is_empty());
    }
}
