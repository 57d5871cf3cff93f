/* a /* b; */ c; */ SELECT 1;
SELECT /*/* */;*/ 2 */**/ 3;
SELECT 4 --/* four;
;
SELECT 5+-- five;
1;
