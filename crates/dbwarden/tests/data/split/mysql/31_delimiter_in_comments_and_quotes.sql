DELIMITER //
SELECT /*+ a // b */ 1, '//', "//", `//` /* // */ # //
, 2 /*! + 3 // */ // SELECT x//
DELIMITER $$
SELECT a$$SELECT 'b'$$
SELECT 1$$
