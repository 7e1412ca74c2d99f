-- Everything that Latchkey keeps, for PostgreSQL. The same shape as migrations/sqlite/V1__first.sql.
-- Times are microseconds since 1970-01-01T00:00:00Z. Text compares by its bytes, whatever the database's own rules.

-- The one row that every write changes first: it orders all writes, and holding it is the right to write.
CREATE TABLE revision (
    one integer PRIMARY KEY CHECK (one = 1), -- there is one row
    value bigint NOT NULL, -- the newest revision; 0: nothing was ever written
    nonce bigint NOT NULL -- the random number drawn for it, as a signed 64-bit integer
);
INSERT INTO revision (one, value, nonce) VALUES (1, 0, 0);

-- What this database says of itself.
CREATE TABLE meta (
    key text COLLATE "C" PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);
INSERT INTO meta (key, value) VALUES
    ('schema_version', '1'), -- number of the last migration
    ('compatible_from', '1'); -- the oldest schema that a program may be made for to work with this one

CREATE TABLE stores (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never given to another store
    code text COLLATE "C" NOT NULL, -- the identity that people see, case-sensitive
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL, -- site, landing_page, online_store
    platform text COLLATE "C" NOT NULL, -- empty: not known
    hosts text COLLATE "C" NOT NULL, -- JSON array of texts, sorted
    active boolean NOT NULL,
    search text COLLATE "C" NOT NULL, -- lower case: code, name, hosts, parted by U+001F
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    row_revision bigint NOT NULL, -- of its last change
    deleted_revision bigint -- the revision that removed it; its number then opens nothing
);
CREATE UNIQUE INDEX stores_code ON stores (code) WHERE deleted_revision IS NULL;

-- Which store a host belongs to; the rows of a removed store are removed.
CREATE TABLE store_hosts (
    host text COLLATE "C" PRIMARY KEY, -- lower case
    store_number integer NOT NULL REFERENCES stores (number)
);
CREATE INDEX store_hosts_store ON store_hosts (store_number);

CREATE TABLE methods (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never given to another method
    identity text COLLATE "C" NOT NULL, -- VERB pattern
    block text COLLATE "C" NOT NULL, -- title of its block
    summary text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    store_use text COLLATE "C" NOT NULL, -- none, optional, required
    store_places text COLLATE "C" NOT NULL, -- JSON array of texts, such as query:site
    scope text COLLATE "C", -- null: none
    position integer NOT NULL, -- place in the reference book, ascending
    search text COLLATE "C" NOT NULL, -- lower case: identity, block, summary, description, parted by U+001F
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    row_revision bigint NOT NULL, -- of its last change
    retired_revision bigint -- the revision that retired it; it goes on refusing what it read
);
CREATE UNIQUE INDEX methods_identity ON methods (identity) WHERE retired_revision IS NULL;
CREATE INDEX methods_position ON methods (position, number) WHERE retired_revision IS NULL;

CREATE TABLE keys (
    id text COLLATE "C" PRIMARY KEY, -- key_ and a UUIDv7: sorts by age
    name text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    comment text COLLATE "C" NOT NULL,
    active boolean NOT NULL, -- switched on
    revoked_at bigint, -- null: it is not revoked
    revoked_reason text COLLATE "C", -- null as revoked_at
    all_stores boolean NOT NULL, -- access to all stores; else to those in key_stores
    all_methods boolean NOT NULL, -- access to all methods; else to those in key_methods
    not_before bigint, -- null: from ever
    expires_at bigint, -- null: for ever
    networks text COLLATE "C" NOT NULL, -- JSON array of CIDR texts; empty: from anywhere
    labels text COLLATE "C" NOT NULL, -- JSON object of texts
    search text COLLATE "C" NOT NULL, -- lower case: name, owner, comment, id, hints of secrets not ended, parted by U+001F
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL, -- last change of it or its secrets
    row_revision bigint NOT NULL, -- of that change
    deleted_revision bigint, -- the revision that removed it; null: it is there
    usable boolean GENERATED ALWAYS AS (active AND revoked_at IS NULL) STORED,
    revoked boolean GENERATED ALWAYS AS (revoked_at IS NOT NULL) STORED
);
-- One per filter of the list, each in the order of the list.
CREATE INDEX keys_usable ON keys (usable, id) WHERE deleted_revision IS NULL;
CREATE INDEX keys_revoked ON keys (revoked, id) WHERE deleted_revision IS NULL;
CREATE INDEX keys_all_stores ON keys (all_stores, id) WHERE deleted_revision IS NULL;
CREATE INDEX keys_all_methods ON keys (all_methods, id) WHERE deleted_revision IS NULL;
CREATE INDEX keys_owner ON keys (owner, id) WHERE deleted_revision IS NULL;
CREATE INDEX keys_expires ON keys (expires_at, id) WHERE deleted_revision IS NULL AND expires_at IS NOT NULL;

-- Finds the few keys that a text may occur in, where the extension can be had (the database's owner may make it since
-- PostgreSQL 13). Without it such searches look at every key.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX keys_search ON keys USING gin (search gin_trgm_ops) WHERE deleted_revision IS NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'searching keys by text will be slow: pg_trgm is not available (%)', SQLERRM;
END
$$;

-- The stores that a key selects. Rows of removed stores stay, and open nothing.
CREATE TABLE key_stores (
    key_id text COLLATE "C" NOT NULL,
    store_number integer NOT NULL,
    PRIMARY KEY (key_id, store_number)
);
CREATE INDEX key_stores_store ON key_stores (store_number, key_id);

-- The methods that a key selects. Rows of retired methods stay, and open nothing.
CREATE TABLE key_methods (
    key_id text COLLATE "C" NOT NULL,
    method_number integer NOT NULL,
    PRIMARY KEY (key_id, method_number)
);
CREATE INDEX key_methods_method ON key_methods (method_number, key_id);

-- Last use of every key: apart from the keys, so that counting does not touch what is managed. No foreign key.
CREATE TABLE key_uses (
    key_id text COLLATE "C" PRIMARY KEY,
    last_used_at bigint NOT NULL -- when it was last allowed something; 0: never
);
CREATE INDEX key_uses_last ON key_uses (last_used_at, key_id);
CREATE INDEX key_uses_used ON key_uses (key_id) WHERE last_used_at > 0;

CREATE TABLE secrets (
    id text COLLATE "C" PRIMARY KEY, -- sec_ and a UUIDv7
    key_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL, -- SHA-256 of the token, 32 bytes; taken for ever
    hint text COLLATE "C" NOT NULL, -- last characters of the token
    origin text COLLATE "C" NOT NULL, -- issued, supplied
    created_at bigint NOT NULL,
    expires_at bigint, -- null: with the key
    ended_at bigint, -- when it ended for good; null: it has not
    created_revision bigint NOT NULL
);
CREATE UNIQUE INDEX secrets_digest ON secrets (digest);
CREATE INDEX secrets_key ON secrets (key_id);
CREATE INDEX secrets_created ON secrets (created_revision);

-- Last use of secrets that were ever used. No foreign key.
CREATE TABLE secret_uses (
    secret_id text COLLATE "C" PRIMARY KEY,
    last_used_at bigint NOT NULL
);

CREATE TABLE operators (
    id text COLLATE "C" PRIMARY KEY, -- op_ and a UUIDv7
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL, -- admin, editor, viewer, authorizer
    digest bytea NOT NULL, -- SHA-256 of the token, 32 bytes
    hint text COLLATE "C" NOT NULL, -- last characters of the token
    expires_at bigint, -- null: for ever
    revoked_at bigint, -- null: it is not revoked
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    row_revision bigint NOT NULL
);
CREATE UNIQUE INDEX operators_digest ON operators (digest);
CREATE UNIQUE INDEX operators_name ON operators (name) WHERE revoked_at IS NULL;

-- What every revision changed: the audit trail, the feed of replicas, the consistency token. No token, no digest.
CREATE TABLE changes (
    revision bigint NOT NULL,
    ordinal integer NOT NULL, -- place within the revision, from 0
    nonce bigint NOT NULL, -- that of the revision
    at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL, -- id of an operator, or system
    actor_name text COLLATE "C" NOT NULL, -- its name at the time
    action text COLLATE "C" NOT NULL,
    comment text COLLATE "C" NOT NULL, -- why, as the caller said
    subject_kind text COLLATE "C" NOT NULL, -- key, store, method, operator, or what a later version knows
    subject_id text COLLATE "C" NOT NULL,
    before text COLLATE "C", -- JSON; null: it was not there
    after text COLLATE "C", -- JSON; null: it is gone
    PRIMARY KEY (revision, ordinal)
);
CREATE INDEX changes_subject ON changes (subject_kind, subject_id, revision, ordinal);
CREATE INDEX changes_kind ON changes (subject_kind, revision, ordinal);
CREATE INDEX changes_actor ON changes (actor, revision, ordinal);
CREATE INDEX changes_at ON changes (at);

-- Servers that follow this database, by their own reports. No foreign key, no revision.
CREATE TABLE replicas (
    id text COLLATE "C" PRIMARY KEY, -- rep_ and a UUIDv7
    host text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    applied bigint NOT NULL, -- the revision it has applied
    reported_at bigint NOT NULL -- by this database's clock
);

-- Uses by hour, kept for 35 days. No foreign keys, no revision.
CREATE TABLE usage_hourly (
    key_id text COLLATE "C" NOT NULL,
    start bigint NOT NULL, -- beginning of the hour
    method_number integer NOT NULL, -- 0: unknown
    store_number integer NOT NULL, -- 0: none, several or unknown
    allowed boolean NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (key_id, start, method_number, store_number, allowed)
);
CREATE INDEX usage_hourly_start ON usage_hourly (start);

-- Uses by day in UTC, kept for 400 days. No foreign keys, no revision.
CREATE TABLE usage_daily (
    key_id text COLLATE "C" NOT NULL,
    start bigint NOT NULL, -- beginning of the day
    method_number integer NOT NULL, -- 0: unknown
    store_number integer NOT NULL, -- 0: none, several or unknown
    allowed boolean NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (key_id, start, method_number, store_number, allowed)
);
CREATE INDEX usage_daily_start ON usage_daily (start);

-- Keys that requests with an id made, kept for a day, so that a retry makes no second one.
CREATE TABLE requests (
    actor text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (actor, request_id)
);
CREATE INDEX requests_created ON requests (created_at);
