-- a; b
# c; d
SELECT 5--3; SELECT 1 -- one;
;
SELECT 2# two;
;
SELECT 3 --	three;
;
--
SELECT 4 /* a; /* not nested */;
SELECT 5 --
;
