SELECT xE'\';
SELECT x, E'\';' , aE.E'\';' FROM t WHERE a&U&'\;' = u&"b;" AND x=E'\'';
SELECT f$$;
SELECT (E'\';', $$;$$, -$$;$$) ; SELECT 1;
