COPY t FROM stdin
-- rollback
SELECT 1;
