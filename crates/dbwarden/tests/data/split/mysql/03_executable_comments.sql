/*!40101 SET NAMES utf8 */;
/*M!999999\- enable the sandbox mode */
-- MariaDB dump
/*!40101 SET @a = ';*/' */;
CREATE TABLE t (a INT) /*!50100 PARTITION BY HASH(a); */ ENGINE=InnoDB;
/*M!100100 SELECT 1; # it's */
 */;
/*! SELECT /* inner; */ 2 */;
SELECT 1 /*! + 1 */;
