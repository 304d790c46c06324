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
