-- Compares the server's history with the recorded one, and begins a new epoch if they differ. Each node calls it when it connects.
--
-- Returns  the epoch
-- Locks    the row of `epoch`, only if the history differs
--
-- A different system identifier or timeline means that commits may be lost, and that versions start again below what Redis and
-- browsers have seen. The timeline comes from the WAL position, because the control file lags behind a promotion.

CREATE OR REPLACE FUNCTION check_epoch() RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    here_system   bigint := (SELECT s.system_identifier FROM pg_control_system() AS s);
    here_timeline text := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    noted         epoch%ROWTYPE;
BEGIN
    SELECT * INTO noted FROM epoch;
    IF noted.system_identifier = here_system AND noted.timeline = here_timeline THEN
        RETURN noted.epoch;
    END IF;
    SELECT * INTO noted FROM epoch FOR UPDATE;
    IF noted.system_identifier IS NULL THEN
        UPDATE epoch SET system_identifier = here_system, timeline = here_timeline;
    ELSIF noted.system_identifier <> here_system OR noted.timeline <> here_timeline THEN
        RETURN begin_epoch();
    END IF;
    RETURN (SELECT e.epoch FROM epoch AS e);
END
$$;
