SELECT "a;b", "say ""hi;""" FROM "t";
SELECT `a;b`, `tick``;` FROM `t`;
SELECT [a;b], [it's "odd`] FROM [t];
