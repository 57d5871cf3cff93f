SELECT abcx'3b', x.x'3b;' FROM t WHERE a<>b!=c||d&e|f~g%h*i+j>=k; SELECT a	
 ;SELECT b

--c
;