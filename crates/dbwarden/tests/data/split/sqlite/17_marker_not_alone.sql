SELECT 1; -- rollback
SELECT 2 /* c */ -- rollback
;
/* x
*/ -- rollback
SELECT '
-- rollback
';
/*
-- rollback
*/
SELECT "
-- rollback
" -- rollback
