COPY t FROM STDIN WITH (FORMAT csv, HEADER true); -- rows follow
a,b
"1;",2
\.
copy t from stdin csv;
\.
COPY t TO STDOUT;
COPY t FROM '/tmp/from stdin';
COPY (SELECT a FROM stdin) TO STDOUT;
COPY t FROM PROGRAM 'cat stdin';
SELECT 2;
