-- The e-mail address of a key's owner. The same shape as migrations/postgres/V7__contact.sql.
ALTER TABLE keys ADD COLUMN contact text NOT NULL DEFAULT '';

UPDATE meta SET value = '7' WHERE key = 'schema_version';
