--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: o
--

COPY public.t (a) FROM stdin;
1
\.


--
-- PostgreSQL database dump complete
--

