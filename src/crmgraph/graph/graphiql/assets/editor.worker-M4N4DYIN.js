import{a}from"./part-7KNZPVTH.js";import"./part-NUOH7QPM.js";import"./part-SYZ63C3N.js";import"./part-3WSQ36J2.js";import"./part-TTLPTSDU.js";import"./part-XKBX434B.js";export{a as initialize};
