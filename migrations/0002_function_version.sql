-- Which version of sql/functions this database has. A node replaces the functions only if its own version is higher, so a node
-- of an older version that restarts does not put its own back.
CREATE TABLE function_version (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT function_version_has_one_row CHECK (only_row),
    -- 0: the functions that the migrations before this schema created, or none.
    version  integer NOT NULL CONSTRAINT function_version_not_negative CHECK (version >= 0)
);
INSERT INTO function_version (version) VALUES (0);
