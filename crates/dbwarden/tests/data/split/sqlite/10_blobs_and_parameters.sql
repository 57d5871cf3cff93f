SELECT x'3b27', X'3B', ?1, ?, :a, @a, $a, $ns::v(a;b), #a;
SELECT :a, x 'y;' FROM (SELECT 1 AS x);
