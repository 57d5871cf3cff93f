SELECT a @> b, a ->> 'x;', a #>> '{y;}', b ? 'k;', 5--3;
, @-1, '{}'::jsonb @? '$.a;'; SELECT 2;
