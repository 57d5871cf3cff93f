SELECT "a;b", "say ""hi;""" FROM "t";
SELECT a[1], '{1;2}'::int[];
