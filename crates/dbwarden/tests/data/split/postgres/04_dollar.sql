CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 'x;'; -- don't
  EXECUTE $q$ SELECT ';' $q$;
END;
$$;
DO $body$ BEGIN RAISE NOTICE '$$;'; END $body$ LANGUAGE plpgsql;
SELECT $a$ $b$ ; $b$ $$ ; $a$, $ünï_1$;$ünï_1$;
SELECT $A$;$a$;$A$;
