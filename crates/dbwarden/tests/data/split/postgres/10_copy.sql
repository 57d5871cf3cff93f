COPY public.users (id, name) FROM stdin;
1	O'Brien; "x"
2	$$ -- /*
3	\N
\.x
a\.
\.

SELECT 1;
