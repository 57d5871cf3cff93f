SELECT 'a;b', 'it''s;', E'it\'s;', e'\\', x'3b', $$;'$$, $t$;$$;$t$, "a;""b";
SELECT 'back\'; SELECT 2;
