-- On one path: nothing is posted.
-- Merkle trees by the vectors that implementations of RFC 6962 share, and by the RFC's own recursion in SQL.

CREATE TABLE leaf (n integer PRIMARY KEY, data bytea NOT NULL);
INSERT INTO leaf VALUES (0, ''), (1, '\x00'), (2, '\x10'), (3, '\x2021'), (4, '\x3031'), (5, '\x40414243'),
    (6, '\x5051525354555657'), (7, '\x606162636465666768696a6b6c6d6e6f');

SELECT size, encode(acct._merkle_root(ARRAY(SELECT l.data FROM leaf AS l WHERE l.n < size ORDER BY l.n)), 'hex') AS root
  FROM generate_series(0, 8) AS size;

-- One leaf, and the node of two hashes.
SELECT encode(acct._merkle_root(ARRAY['L123456'::bytea]), 'hex') AS leaf;
SELECT acct._merkle_root(ARRAY['a', 'b']::bytea[])
     = sha256('\x01' || sha256('\x00'::bytea || 'a'::bytea) || sha256('\x00'::bytea || 'b'::bytea)) AS is_node;

-- The tree as the RFC defines it: the left part has the largest power of two smaller than the number of leaves.
CREATE FUNCTION by_definition(leaves bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    n CONSTANT integer := cardinality(leaves);
    k integer := 1;
BEGIN
    IF n = 0 THEN
        RETURN sha256('');
    ELSIF n = 1 THEN
        RETURN sha256('\x00'::bytea || leaves[1]);
    END IF;
    WHILE k * 2 < n LOOP
        k := k * 2;
    END LOOP;
    RETURN sha256('\x01'::bytea || by_definition(leaves[1:k]) || by_definition(leaves[k + 1:]));
END
$$;
SELECT count(*) AS sizes, bool_and(acct._merkle_root(x.leaves) = by_definition(x.leaves)) AS agree
  FROM (SELECT ARRAY(SELECT sha256(i::text::bytea) FROM generate_series(1, size) AS i ORDER BY i) AS leaves
          FROM generate_series(0, 70) AS size) AS x;

SELECT acct._merkle_root(ARRAY['a', NULL]::bytea[]);

DROP FUNCTION by_definition;
DROP TABLE leaf;

-- Proofs, by the RFC's algorithms of those who check them: each leaf of each tree, and each tree against each smaller one, below 70 leaves.
CREATE FUNCTION shift(fn integer, sn integer, c bytea, INOUT r bytea, INOUT s bytea, OUT fn_after integer, OUT sn_after integer) LANGUAGE plpgsql AS $$
BEGIN
    -- One step of either algorithm; r is NULL where only one root is followed.
    IF fn % 2 = 1 OR fn = sn THEN
        r := sha256('\x01'::bytea || c || r);
        s := sha256('\x01'::bytea || c || s);
        WHILE fn % 2 = 0 AND fn <> 0 LOOP
            fn := fn / 2;
            sn := sn / 2;
        END LOOP;
    ELSE
        s := sha256('\x01'::bytea || s || c);
    END IF;
    fn_after := fn / 2;
    sn_after := sn / 2;
END
$$;
CREATE FUNCTION is_in(leaf bytea, index integer, size integer, path bytea[], root bytea) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    fn integer := index;
    sn integer := size - 1;
    r bytea := leaf;
    unused bytea;
    c bytea;
BEGIN
    FOREACH c IN ARRAY path LOOP
        IF sn = 0 THEN
            RETURN false;
        END IF;
        SELECT x.s, x.fn_after, x.sn_after INTO r, fn, sn FROM shift(fn, sn, c, NULL, r) AS x;
    END LOOP;
    RETURN index < size AND sn = 0 AND r = root;
END
$$;
CREATE FUNCTION extends(m integer, n integer, path bytea[], root_m bytea, root_n bytea) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    fn integer := m - 1;
    sn integer := n - 1;
    all_nodes bytea[] := CASE WHEN m & (m - 1) = 0 THEN root_m || path ELSE path END;
    fr bytea := all_nodes[1];
    sr bytea := all_nodes[1];
    c bytea;
BEGIN
    IF cardinality(path) = 0 THEN
        RETURN false;
    END IF;
    WHILE fn % 2 = 1 LOOP
        fn := fn / 2;
        sn := sn / 2;
    END LOOP;
    FOREACH c IN ARRAY all_nodes[2:] LOOP
        IF sn = 0 THEN
            RETURN false;
        END IF;
        SELECT x.r, x.s, x.fn_after, x.sn_after INTO fr, sr, fn, sn FROM shift(fn, sn, c, fr, sr) AS x;
    END LOOP;
    RETURN sn = 0 AND fr = root_m AND sr = root_n;
END
$$;
CREATE TABLE tree AS
SELECT n, x.hashes, acct._merkle_root_of_hashes(x.hashes) AS root
  FROM generate_series(0, 69) AS n, LATERAL (SELECT ARRAY(SELECT sha256('\x00'::bytea || i::text::bytea) FROM generate_series(1, n) AS i ORDER BY i) AS hashes) AS x;
SELECT bool_and(t.root = acct._merkle_root(ARRAY(SELECT convert_to(i::text, 'UTF8') FROM generate_series(1, t.n) AS i ORDER BY i))) AS same_roots FROM tree AS t;
SELECT count(*) AS leaves, bool_and(is_in(t.hashes[i + 1], i, t.n, p.path, t.root)) AS proved, max(cardinality(p.path)) AS longest,
       bool_or(is_in(t.hashes[i + 1], i, t.n, p.path || t.root, t.root)) AS longer_passes, bool_or(is_in(sha256(t.hashes[i + 1]), i, t.n, p.path, t.root)) AS another_passes
  FROM tree AS t, generate_series(0, t.n - 1) AS i, LATERAL (SELECT acct._merkle_path(t.hashes, i) AS path) AS p;
SELECT count(*) AS pairs, bool_and(extends(m.n, t.n, p.path, m.root, t.root)) AS proved, bool_or(extends(m.n, t.n, p.path, sha256(m.root), t.root)) AS another_passes
  FROM tree AS t JOIN tree AS m ON m.n BETWEEN 1 AND t.n - 1, LATERAL (SELECT acct._merkle_consistency(t.hashes, m.n) AS path) AS p;
SELECT acct._merkle_consistency(t.hashes, t.n) AS same, acct._merkle_consistency(t.hashes, 0) AS nothing FROM tree AS t WHERE t.n = 5;
-- The path of leaf 6 of 7 is the root of the first four, and that of 4 and 5.
SELECT acct._merkle_path(t.hashes, 6) = ARRAY[sha256('\x01'::bytea || t.hashes[5] || t.hashes[6]), acct._merkle_root_of_hashes(t.hashes[1:4])] AS path FROM tree AS t WHERE t.n = 7;

SELECT acct._merkle_path(t.hashes, 5) FROM tree AS t WHERE t.n = 5;
SELECT acct._merkle_path(t.hashes, -1) FROM tree AS t WHERE t.n = 5;
SELECT acct._merkle_consistency(t.hashes, 6) FROM tree AS t WHERE t.n = 5;
SELECT acct._merkle_root_of_hashes(ARRAY['\x00']::bytea[]);

SELECT acct._balance_leaf('2025-01-01', 'F1', U&'caf\00e9', 'IDR', -1.5, 100, 0.0001, 98.4999, 3);

DROP FUNCTION is_in, extends, shift;
DROP TABLE tree;
