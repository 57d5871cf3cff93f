COPY t FROM 'stdin;';
COPY t FROM stdin;
SELECT 1;
BEGIN; END;
SELECT #1, $name; SELECT $1, ?;
