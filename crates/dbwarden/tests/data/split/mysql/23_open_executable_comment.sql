SELECT 1;
/*! SELECT '*/ ';
