-- Case: 65 tables in one join
-- Source: d1-facts §1.6
-- Expect: R108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
SELECT count(*) FROM users u0, users u1, users u2, users u3, users u4, users u5, users u6, users u7, users u8, users u9, users u10, users u11, users u12, users u13, users u14, users u15, users u16, users u17, users u18, users u19, users u20, users u21, users u22, users u23, users u24, users u25, users u26, users u27, users u28, users u29, users u30, users u31, users u32, users u33, users u34, users u35, users u36, users u37, users u38, users u39, users u40, users u41, users u42, users u43, users u44, users u45, users u46, users u47, users u48, users u49, users u50, users u51, users u52, users u53, users u54, users u55, users u56, users u57, users u58, users u59, users u60, users u61, users u62, users u63, users u64;
