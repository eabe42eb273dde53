-- Who takes part, and how they prove who they are.
--
-- The ledger (deals, signups, coupons) points here by id only: a person's data can be erased while the ledger stays.

-- What time it is for every decision that Muster makes. Read after the locks are held: `now()` would be the start of the
-- transaction, which may have waited for a lock across a deadline. Tests replace this function to move time.
CREATE FUNCTION muster_now() RETURNS timestamptz
    LANGUAGE sql VOLATILE
    AS 'SELECT clock_timestamp()';

CREATE TABLE accounts (
    id            uuid        PRIMARY KEY,
    -- Lower case, checked by the domain; unique, for it is what people sign in with.
    email         text        NOT NULL CONSTRAINT accounts_email_is_taken UNIQUE,
    name          text        NOT NULL CONSTRAINT accounts_name_length CHECK (char_length(name) BETWEEN 1 AND 80),
    role          text        NOT NULL CONSTRAINT accounts_role CHECK (role IN ('buyer', 'merchant', 'operator')),
    -- Argon2id in PHC form. NULL: nobody signs in with a password (accounts made in bulk for load tests).
    password_hash text,
    created_at    timestamptz NOT NULL DEFAULT muster_now()
);

-- API tokens. Only the SHA-256 of a token is kept: 160 random bits need no slow hash.
CREATE TABLE tokens (
    id           uuid        PRIMARY KEY,
    account      uuid        NOT NULL REFERENCES accounts ON DELETE CASCADE,
    hash         bytea       NOT NULL CONSTRAINT tokens_hash_is_unique UNIQUE
                             CONSTRAINT tokens_hash_length CHECK (octet_length(hash) = 32),
    label        text        NOT NULL CONSTRAINT tokens_label_length CHECK (char_length(label) BETWEEN 1 AND 80),
    -- NULL: whatever the account may do.
    scopes       text[],
    created_at   timestamptz NOT NULL DEFAULT muster_now(),
    -- NULL: until it is revoked.
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX tokens_of_account ON tokens (account);

-- Browser sessions: 256 random bits in a cookie, their SHA-256 here.
CREATE TABLE sessions (
    hash         bytea       PRIMARY KEY CONSTRAINT sessions_hash_length CHECK (octet_length(hash) = 32),
    account      uuid        NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT muster_now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_of_account ON sessions (account);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
