-- Methods that only read what belongs to no store. The same shape as migrations/postgres/V4__shared.sql.
-- Beside store_use, not in it: servers of an earlier version read such a method as `none`, and refuse more.
ALTER TABLE methods ADD COLUMN shared boolean NOT NULL DEFAULT FALSE; -- counts only with store_use none

UPDATE meta SET value = '4' WHERE key = 'schema_version';
