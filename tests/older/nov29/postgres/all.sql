SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA lcagent_memory;
CREATE SCHEMA lcagent_runs;
CREATE SCHEMA lcagent_server;
CREATE SCHEMA "lcagent_server_/team-a";
CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);
CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);
CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);
CREATE FUNCTION lcagent_runs.word_places(words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT coalesce(string_agg(quoted || ':' || places, ' '), '')::pg_catalog.tsvector FROM (SELECT '''' || replace(replace(word, '\', '\\'), '''', '''''') || '''' AS quoted, string_agg(least(place, 16383)::text, ',') AS places FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS said (word, place) WHERE word <> '' GROUP BY word) AS each $$;
CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;
CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;
    RETURN job_ids;
END;
$$;
CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;
    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;
    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;
    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;
    RETURN _job_id;
END;
$$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);
CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;
 RETURN found_jobs;
END;
$$;
CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;
CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;
CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;
CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;
CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;
CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;
CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;
END;
$$;
CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;
CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);
	RETURN NEW;
END;
$$;
CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;
CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;
CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;
CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;
CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;
CREATE TABLE lcagent_memory.attached (
    id bigint NOT NULL,
    tenant text NOT NULL COLLATE pg_catalog."C",
    session text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    sha256 text NOT NULL COLLATE pg_catalog."C",
    meta text NOT NULL COLLATE pg_catalog."C",
    text bytea NOT NULL,
    file bytea
);
ALTER TABLE lcagent_memory.attached ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME lcagent_memory.attached_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lcagent_memory.closings (
    entry bigint NOT NULL,
    by bigint NOT NULL,
    at double precision NOT NULL,
    gone text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_memory.codes (
    tenant text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    part bigint NOT NULL,
    held bytea NOT NULL,
    codes bytea NOT NULL
);
CREATE TABLE lcagent_memory.embedded (
    entry bigint NOT NULL,
    tenant text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    vector bytea NOT NULL
);
CREATE TABLE lcagent_memory.entries (
    id bigint NOT NULL,
    tenant text NOT NULL COLLATE pg_catalog."C",
    session text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    text text NOT NULL COLLATE pg_catalog."C",
    data text NOT NULL COLLATE pg_catalog."C",
    valid double precision NOT NULL,
    recorded double precision NOT NULL,
    key text COLLATE pg_catalog."C"
);
ALTER TABLE lcagent_memory.entries ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME lcagent_memory.entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lcagent_memory.items (
    tenant text NOT NULL COLLATE pg_catalog."C",
    namespace text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    updated double precision NOT NULL,
    ttl double precision,
    expires double precision,
    entry bigint,
    rowid bigint NOT NULL
);
ALTER TABLE lcagent_memory.items ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lcagent_memory.items_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lcagent_memory.leases (
    name text NOT NULL COLLATE pg_catalog."C",
    fence bigint NOT NULL,
    holder text NOT NULL COLLATE pg_catalog."C",
    until double precision NOT NULL
);
CREATE TABLE lcagent_memory.postings (
    tenant text NOT NULL COLLATE pg_catalog."C",
    term text NOT NULL COLLATE pg_catalog."C",
    chunk bigint NOT NULL,
    ids bytea NOT NULL
);
CREATE TABLE lcagent_memory.rests (
    entry bigint NOT NULL,
    source bigint NOT NULL
);
CREATE TABLE lcagent_memory.sessions (
    tenant text NOT NULL COLLATE pg_catalog."C",
    session text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    fence bigint NOT NULL,
    holder text NOT NULL COLLATE pg_catalog."C",
    until double precision NOT NULL
);
CREATE TABLE lcagent_memory.version (
    number integer NOT NULL
);
CREATE TABLE lcagent_runs.calls (
    scope text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    text text NOT NULL COLLATE pg_catalog."C",
    reasoning text NOT NULL COLLATE pg_catalog."C",
    finish_reason text NOT NULL COLLATE pg_catalog."C",
    prompt_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    seconds double precision NOT NULL,
    created double precision NOT NULL,
    certainty double precision,
    request bytea,
    rowid bigint NOT NULL
);
ALTER TABLE lcagent_runs.calls ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lcagent_runs.calls_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lcagent_runs.checkpoint_blobs (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    channel text NOT NULL,
    version text NOT NULL,
    type text NOT NULL,
    blob bytea
);
CREATE TABLE lcagent_runs.checkpoint_migrations (
    v integer NOT NULL
);
CREATE TABLE lcagent_runs.checkpoint_writes (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    checkpoint_id text NOT NULL,
    task_id text NOT NULL,
    idx integer NOT NULL,
    channel text NOT NULL,
    type text,
    blob bytea NOT NULL,
    task_path text DEFAULT ''::text NOT NULL
);
CREATE TABLE lcagent_runs.checkpoints (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    checkpoint_id text NOT NULL,
    parent_checkpoint_id text,
    type text,
    checkpoint jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL
);
CREATE TABLE lcagent_runs.documents (
    work bigint NOT NULL,
    meta text NOT NULL COLLATE pg_catalog."C",
    text bytea NOT NULL
);
CREATE TABLE lcagent_runs.elements (
    fact bigint NOT NULL,
    seq bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_runs.extracted (
    work bigint NOT NULL,
    segment bigint NOT NULL
);
CREATE TABLE lcagent_runs.facts (
    id bigint NOT NULL,
    work bigint NOT NULL,
    segment bigint NOT NULL,
    seq bigint NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C",
    words text NOT NULL COLLATE pg_catalog."C",
    spans text NOT NULL COLLATE pg_catalog."C",
    terms tsvector GENERATED ALWAYS AS (lcagent_runs.word_places(words)) STORED,
    size bigint GENERATED ALWAYS AS (COALESCE(array_length(string_to_array(words, ' '::text), 1), 0)) STORED
);
CREATE TABLE lcagent_runs.files (
    run text NOT NULL COLLATE pg_catalog."C",
    document text NOT NULL COLLATE pg_catalog."C",
    path bytea NOT NULL,
    sha256 text NOT NULL COLLATE pg_catalog."C",
    format text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_runs.findings (
    run text NOT NULL COLLATE pg_catalog."C",
    document bigint NOT NULL,
    segment bigint NOT NULL,
    seq bigint NOT NULL,
    op text NOT NULL COLLATE pg_catalog."C",
    target text COLLATE pg_catalog."C",
    text text NOT NULL COLLATE pg_catalog."C",
    spans text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    answer text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL COLLATE pg_catalog."C",
    quote text NOT NULL COLLATE pg_catalog."C",
    tokens bigint NOT NULL
);
CREATE TABLE lcagent_runs.items (
    work bigint NOT NULL,
    segment bigint NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    quote text NOT NULL COLLATE pg_catalog."C",
    begins bigint,
    ends bigint,
    fields text NOT NULL COLLATE pg_catalog."C",
    rowid bigint NOT NULL
);
ALTER TABLE lcagent_runs.items ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lcagent_runs.items_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lcagent_runs.labelled (
    work bigint NOT NULL,
    segment bigint NOT NULL
);
CREATE TABLE lcagent_runs.leases (
    name text NOT NULL COLLATE pg_catalog."C",
    fence bigint NOT NULL,
    holder text NOT NULL COLLATE pg_catalog."C",
    until double precision NOT NULL
);
CREATE TABLE lcagent_runs.mentions (
    work bigint NOT NULL,
    node text NOT NULL COLLATE pg_catalog."C",
    fact bigint NOT NULL
);
CREATE TABLE lcagent_runs.merges (
    work bigint NOT NULL,
    node text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_runs.node_words (
    work bigint NOT NULL,
    word text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_runs.nodes (
    work bigint NOT NULL,
    node text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    facts bigint NOT NULL
);
CREATE TABLE lcagent_runs.profiles (
    model text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    measured text NOT NULL COLLATE pg_catalog."C",
    profile text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_runs.runs (
    id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    updated double precision NOT NULL,
    question text NOT NULL COLLATE pg_catalog."C",
    sources text NOT NULL COLLATE pg_catalog."C",
    strategy text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    settings text NOT NULL COLLATE pg_catalog."C",
    answer text COLLATE pg_catalog."C",
    error text COLLATE pg_catalog."C",
    seconds double precision DEFAULT 0 NOT NULL,
    told bigint DEFAULT 1 NOT NULL,
    version text COLLATE pg_catalog."C",
    rowid bigint NOT NULL
);
ALTER TABLE lcagent_runs.runs ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lcagent_runs.runs_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lcagent_runs.segmentations (
    work bigint NOT NULL,
    spans bytea NOT NULL,
    pieces text DEFAULT '[]'::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_runs.uses (
    run text NOT NULL COLLATE pg_catalog."C",
    work bigint NOT NULL
);
CREATE TABLE lcagent_runs.vectors (
    work bigint NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    item bigint NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    dimension bigint NOT NULL,
    vector bytea NOT NULL
);
CREATE TABLE lcagent_runs.version (
    number integer NOT NULL
);
CREATE TABLE lcagent_runs.works (
    id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    document text NOT NULL COLLATE pg_catalog."C",
    exact text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    used double precision NOT NULL
);
ALTER TABLE lcagent_runs.works ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME lcagent_runs.works_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lcagent_server.attached (
    session text NOT NULL COLLATE pg_catalog."C",
    file text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_server.collected (
    collection text NOT NULL COLLATE pg_catalog."C",
    file text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_server.collections (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL
);
CREATE TABLE lcagent_server.events (
    job text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    event text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE lcagent_server.files (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    sha256 text NOT NULL COLLATE pg_catalog."C",
    bytes bigint NOT NULL,
    purpose text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL
);
CREATE TABLE lcagent_server.jobs (
    id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    updated double precision NOT NULL,
    ask text NOT NULL COLLATE pg_catalog."C",
    run text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    outcome text COLLATE pg_catalog."C",
    error text COLLATE pg_catalog."C",
    unwanted bigint DEFAULT 0 NOT NULL
);
CREATE TABLE lcagent_server.keys (
    id text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    revoked double precision
);
CREATE TABLE lcagent_server.leases (
    name text NOT NULL COLLATE pg_catalog."C",
    fence bigint NOT NULL,
    holder text NOT NULL COLLATE pg_catalog."C",
    until double precision NOT NULL
);
CREATE TABLE lcagent_server.pieces (
    file text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    bytes bytea NOT NULL
);
CREATE TABLE lcagent_server.spent (
    tenant text NOT NULL COLLATE pg_catalog."C",
    day text NOT NULL COLLATE pg_catalog."C",
    tokens bigint NOT NULL
);
CREATE TABLE lcagent_server.version (
    number integer NOT NULL
);
CREATE TABLE "lcagent_server_/team-a".attached (
    session text NOT NULL COLLATE pg_catalog."C",
    file text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE "lcagent_server_/team-a".collected (
    collection text NOT NULL COLLATE pg_catalog."C",
    file text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE "lcagent_server_/team-a".collections (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL
);
CREATE TABLE "lcagent_server_/team-a".events (
    job text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    event text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE "lcagent_server_/team-a".files (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    sha256 text NOT NULL COLLATE pg_catalog."C",
    bytes bigint NOT NULL,
    purpose text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL
);
CREATE TABLE "lcagent_server_/team-a".jobs (
    id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    updated double precision NOT NULL,
    ask text NOT NULL COLLATE pg_catalog."C",
    run text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    outcome text COLLATE pg_catalog."C",
    error text COLLATE pg_catalog."C",
    unwanted bigint DEFAULT 0 NOT NULL
);
CREATE TABLE "lcagent_server_/team-a".keys (
    id text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL,
    revoked double precision
);
CREATE TABLE "lcagent_server_/team-a".leases (
    name text NOT NULL COLLATE pg_catalog."C",
    fence bigint NOT NULL,
    holder text NOT NULL COLLATE pg_catalog."C",
    until double precision NOT NULL
);
CREATE TABLE "lcagent_server_/team-a".pieces (
    file text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    bytes bytea NOT NULL
);
CREATE TABLE "lcagent_server_/team-a".spent (
    tenant text NOT NULL COLLATE pg_catalog."C",
    day text NOT NULL COLLATE pg_catalog."C",
    tokens bigint NOT NULL
);
CREATE TABLE "lcagent_server_/team-a".version (
    number integer NOT NULL
);
CREATE TABLE public.lcagent_work_migrations (
    names jsonb NOT NULL
);
CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);
CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;
CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;
CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);
CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;
CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);
ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);
ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);
INSERT INTO lcagent_memory.entries VALUES (1, 'default', 'anna', 'message', 'user', 'user', 'said', 'I live in Paris, with Rex my dog.', '{}', 1795987038.3478577, 1795987038.3478577, 'said.run_3f0164ccc7566b42ea0ad2d0');
INSERT INTO lcagent_memory.entries VALUES (2, 'default', 'anna', 'call', 'core_memory_append', 'assistant', 'model', 'so -> core_memory_append(name=''human'', content=''Lives in Paris.'')', '{"arguments": {"thought": "so", "name": "human", "content": "Lives in Paris.", "heartbeat": "yes"}, "window": {"entries": [1], "prompt": 699, "instructions": 648, "core": 21, "summary": 0, "conversation": 30, "reply": 256, "room": 915, "size": 2048}}', 1795987041.0925481, 1795987041.0925481, '1.0');
INSERT INTO lcagent_memory.entries VALUES (3, 'default', 'anna', 'block', 'human', 'assistant', 'model', 'Lives in Paris.', '{"op": "append", "after": [0]}', 1795987041.0991077, 1795987041.0991077, NULL);
INSERT INTO lcagent_memory.entries VALUES (4, 'default', 'anna', 'result', 'core_memory_append', 'system', 'system', 'added to human', '{"shows": [], "ok": true}', 1795987041.1007233, 1795987041.1007233, '1.0.result');
INSERT INTO lcagent_memory.entries VALUES (5, 'default', 'anna', 'call', 'send_message', 'assistant', 'model', '', '{"arguments": {"thought": "so", "known": "yes", "message": "Noted: I live in Paris, with Rex my dog."}, "window": {"entries": [1, 2, 4], "prompt": 748, "instructions": 648, "core": 22, "summary": 0, "conversation": 78, "reply": 256, "room": 914, "size": 2048}}', 1795987041.1349816, 1795987041.1349816, '1.1');
INSERT INTO lcagent_memory.entries VALUES (6, 'default', 'anna', 'result', 'send_message', 'system', 'system', '', '{"ok": true}', 1795987041.1389916, 1795987041.1389916, '1.1.result');
INSERT INTO lcagent_memory.entries VALUES (7, 'default', 'anna', 'message', 'assistant', 'assistant', 'model', 'Noted: I live in Paris, with Rex my dog.', '{"claims": [], "citations": [], "status": "answered", "warnings": [], "turn": 1}', 1795987041.1397154, 1795987041.1397154, '1.reply');
INSERT INTO lcagent_memory.postings VALUES ('default', 'auser', 0, '\x0100');
INSERT INTO lcagent_memory.postings VALUES ('default', 'aassistant', 0, '\x0700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'd10020786', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'kmessage', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'sanna', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wdog', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wi', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'win', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wliv', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wmy', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wnot', 0, '\x0700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wpari', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wrex', 0, '\x01000700');
INSERT INTO lcagent_memory.postings VALUES ('default', 'wwith', 0, '\x01000700');
INSERT INTO lcagent_memory.rests VALUES (3, 1);
INSERT INTO lcagent_memory.rests VALUES (4, 2);
INSERT INTO lcagent_memory.rests VALUES (6, 5);
INSERT INTO lcagent_memory.rests VALUES (7, 5);
INSERT INTO lcagent_memory.sessions VALUES ('default', 'anna', 1795987038.3448486, 1795987038345, '', 0);
INSERT INTO lcagent_memory.version VALUES (4);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211701-034ed1', 'e15a620f467047de25984b9223d230c4d0b5afb24cc99805aa57e301712837c9', 'map', '{"relevant": "yes", "facts": ["The harbour master of Vellmere in that year was Oskar Brandvold."], "sufficient": "no", "next": ""}', '', 'stop', 1428, 0, 65, 0.003526932999989185, 1795987022.204321, NULL, '\x78018d585d8fdb3610fc2b845efa62b8b19da48d2f4881e4a529925e7139b428ea22e059f44989443aa21cc70deebf77669794e4deb5e8836d7eeccece0e97b4a8af45eb62b4b72e16eb3fbe165d685cb12ee229f6ae2d66c536f8def91e43bf8783e99c2d4df0ce4477db62d8849db1a609fed694617b9021eb4be343efccb1b2bda95cb38fa60fc6fa78741dac3f1d5cecebe0e71b7f5d39d3bb2fbdb971fdd1396f9e27dc17302fcdf36f876e1d4d697bbb36de7d06ca2e344d389adac7be3b6c8916d131753f37c4ccece0157c7342d0bdedfab532c2605bc75883b3b898d69e4cec19107d0bea1522204910bc727bb81febbe92ac7f7a77f9b309371fdc16997b196a6aefd61bbf293ad7b8cfd6f79b626d36c5c9c54d61ea9d01d84027da533431b4aeaf18bd7f481fda67856606c98292b0a7d435c252c29d05017b130ef8367bd7c5e06766dfd8ade3fc04bdc17a51032e009175112e8c6ba2034b1f36c505c9131084d7806bea28cb1aabd0f5a0cee5dfba38936c778077765b2903309aa637e63333b6694818d32db2a0c7c197204a99ed4de3cccd09d944d7ec662a2f3ac65b94e2ccf8437b035329012cba432b9a6357f76042c4ce5d60ceb876df9f942e74f6583049a5b32c07db38a6c305353b7734c7d095803e5627222079c938e9215964d1a9a054ee582782abd2b9f23fd6571332b2cc14465d664968560316b00c480845360125e468cf6c557c34383c3083a8e1882c9015c725a7a472ae312cadc8228aa03a64d3b95282612befea92aba93954f56df54091f62279dd93775b9725954cdc6533e9de8b66d7855678a4dd46fbbf5c8792fa67dde7944d3cecf7ac2aad63e4d03903997d3e1db0e37ec4b61e8972f6b6c6269861cba3f2d3e69433831bf64c1e59b56d68c2817ba40c70a86c5469c503d5c76aa21367bf898844ebb5a1141732a186dca852ced9168744bf45e188cd2d60c0a5e4a9910139360154e12690225daa0c1c8b43ee4a746da8dcbcb89b0d27f021baeeecfc1dcec68d7f192cb64b07617050edb0076eabdeb4a1f33c56a2c3a11a8e7e1890c3b74c56a1816a9c65e3d1dc5ceea425437b8baddf616b6db11107771905c6626e5e719c89e758a8440d0e164a8782114258a09d2d0572efc21e7b7f3937573021501a493fe40448fa0f34ce934b64c07f85a39e79c888a04b4170284190c234ac8a52e3649214d818247cac94189524f8d1398e106848531b8930816e64312000c23e4105e36f2d8cf485de990893b429161cc5262142e896cc84f853b09245160b924a56233742c8acc07201c996ac812413dfe97fe290b30c66461c5530027d3f375a5a1a0f6b0a9c1c5220a12e703565e1a9ce2a0a751fe992c7332930e6948a537cc6a0d21df31d445ea0325fa382a9048965770dac66b29c80669cc54284bf8442344f05201a2a23a83c912fc3c15b5016a848f165f5104fe3888a80235fc1123e498ff483504200e57825b94fdca52f3e891058e4aee63010411425ba4025bee2361362f413142524c2611d980af31c63093d0ed184bf8b2773f346ce85f3ea9079d9ff89cb0245f6767274e4a4b5a0732130e2e2bb5cdd3a8a2118319872d46f06c0b012c24650115200e4a39940f905aaed6dde8dcc441714700c269f0433602175694fe321d6826546499857aa08fa4b5fb8669d732d0ba9258a4c08e85ae89e49059042a2a77c05e50c2a432ef3b978367bd649d524418593a093a154037367f0e5fd7351131571a08b80b2a384972b598fd7e3494fed5330d9ad79ef422389a4735a026699ce3c2ea00262753877c69de1e0be44395d4902b2bea02e56ecc04b0806dd613c82066d505bef00a07135489e130d7227ff4a78fd9320ad25ceae57dc0c62ac62284a2a0ffe6870ac5406a196fc2495506657e8a5a5a787020de58604047ff96c384430843a5200e26b4bbfd57b0cb04219bd94ff00b21754cd37f321408acea4f859a168ae59ad0a99f70b41b317c62658c458b13e743b71db30930c4ba889464a3123291b9ae711c6617f85534ba9ab475a4afc68ffac12e840ee3ac59e445ca18caef900a72b914388eb802a9632b4d2bfc84bb80f0b2713aa0461d48bb3ba0c1c436bc57f4310d769fdced12816a88d1879a3c35e07f55ba558f12f9192496066a2e3fa4d7164e2c16e560184a64e2b1e66e9909364c18840a8a2010fed154e2a888596ec47721e96500c09ff1805758d19e62d446826b500bf890b6d05065c1eeb1f20dd2adbe166d8e189155778793efcd5354d2bcfda20c44be7c9595c7270bdb88c1fd17a098ae567c049fd6ffc78efe6d3ccf37cff78b1f1bf5541fcc8e2dfe3fc408889d7c6e3dd4167a6b767bdbce2a68abb4e7a95c07465207bae8bbb3f67456bbfbcefc347e7f17e62f9e4e9acc07b095c796d7fe8f0a2e2d1fcd10c57efb8c71b00f71e77043ca717ebaf457fdaf335c607dc8cdf473cb8b716cfd2d31e6c78dd844dc73b3e6693d9e8ac177dccecbb80887dcd5724783e4f177db61deeaa786dc2eb3eec7c28403885c69b093c8de3895e2fd7b4ae415d20ee99a401db75f64497e1124b3728f0c6f9dbbe2ad68ba748f79e77bee5fd6f46ea40f37b58e3dd6b8ac6fb1112d45b0d1abcad3c902b99bb4f87ba7325551994ca1a4c139b1503eddc04f0243ca4b46559eb6dfe97c912ec2cde5e201415de62b5f10ac8ddddddfd0d95ad945e', 1);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211701-034ed1', 'fa98917f3c579cfb510944c79bef16264ad0750e1bcd06882af5d468f171a06b', 'map', '{"relevant": "no", "facts": [], "sufficient": "no", "next": ""}', '', 'stop', 1239, 0, 42, 0.009953438999900754, 1795987022.2121038, NULL, NULL, 2);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211701-034ed1', '9208ca5740e8c5a1e60556ed4c9981df7322ef1209704b602b175abd5a6495d1', 'reduce', '{"found": "yes", "answer": "Oskar Brandvold"}', '', 'stop', 430, 0, 26, 0.0024458920000824946, 1795987022.2362568, NULL, NULL, 3);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211705-2ffa91', 'a77b48356b2e623e69620df82c4394d8c66893e6e7d1a4c2ca0a72eb8b47ddbd', 'plan', '{"core": "Who was the harbour master of Vellmere?", "form": "", "steps": ["Who was the harbour master of Vellmere?"]}', '', 'stop', 419, 0, 54, 0.004448616999980004, 1795987025.8037202, NULL, NULL, 4);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211705-2ffa91', 'b75e59980a87343f821f5f0ef77fce27e6439712bdf0b758f0f2f7d2d72242bd', 'read', '{"relevant": "no", "facts": [], "sufficient": "no", "next": ""}', '', 'stop', 1092, 0, 42, 0.0030446890000348503, 1795987025.8174584, NULL, NULL, 5);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('work:4', '7fdd2fff9e8dc88925ad9d6e8d0c0435cf6b98fec8b3a10bbe16f8fbb4b22ffe', 'extract', '{"facts": [{"fact": "The harbour master of Vellmere in that year was Oskar Brandvold.", "elements": ["Oskar Brandvold", "Vellmere"]}]}', '', 'stop', 516, 0, 63, 0.0020309779999934108, 1795987029.9115498, NULL, NULL, 6);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211725-e6324d', 'ef5ac64a91255f84e0dde96abd8fce0798811fd3809cfd7b97d3d9b7a62e91a0', 'answer', '{"found": "yes", "answer": "1900"}', '', 'stop', 333, 0, 23, 0.0021287319999601095, 1795987045.529106, NULL, NULL, 7);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211725-743115', '74348b2991d92387a875328fc6b2cf5fd9d08c3e5e1d6274217dbe97001998ef', 'answer', '{"found": "yes", "answer": "1901"}', '', 'stop', 333, 0, 23, 0.003123555000001943, 1795987045.6399324, NULL, NULL, 8);
INSERT INTO lcagent_runs.calls OVERRIDING SYSTEM VALUE VALUES ('20261129-211725-25f59f', 'c30d50a7452f0f9700dbe99d9aa8dfa4a92e167cf0963745f92a0c872c1ffead', 'answer', '{"found": "yes", "answer": "1902"}', '', 'stop', 333, 0, 23, 0.0018402250000235654, 1795987045.7483766, NULL, NULL, 9);
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211705-2ffa91', '', '__start__', '00000000000000000000000000000001.0.7102617449879267', 'msgpack', '\x8ba47265616490a6756e7265616490a473746f70a0a77665726469637480a4636f7265b357686f206b6570742074686520626f6f6b733fa4706c616ea0a461736b73a0a66d656d6f7279a0a46d6f7265c3a7726561646572739187a5696e64657800a4706c616ea0a66d656d6f7279a0a4746f6c6400a6636f7069656400a5616c6f6e65c2a673747265616b00a5726f756e640027a38eeb');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211705-2ffa91', '', 'read', '00000000000000000000000000000002.0.5768246427231676', 'msgpack', '\x90220d7cc9');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211705-2ffa91', '', 'unread', '00000000000000000000000000000002.0.5768246427231676', 'msgpack', '\x90220d7cc9');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211705-2ffa91', '', 'verdict', '00000000000000000000000000000002.0.5768246427231676', 'msgpack', '\x803fba6cad');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211705-2ffa91', '', 'readers', '00000000000000000000000000000002.0.5768246427231676', 'msgpack', '\x9187a5696e64657800a4706c616ea0a66d656d6f7279a0a4746f6c6400a6636f7069656400a5616c6f6e65c2a673747265616b00b7d44c74');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211725-338f81', '', '__start__', '00000000000000000000000000000001.0.25746550081311403', 'msgpack', '\x86a47265616490a6756e7265616490a473746f70a0a77665726469637480a5737465707390a4686f707390d22313fb');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211725-338f81', '', 'read', '00000000000000000000000000000002.0.45666782783784277', 'msgpack', '\x90220d7cc9');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211725-338f81', '', 'unread', '00000000000000000000000000000002.0.45666782783784277', 'msgpack', '\x90220d7cc9');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211725-338f81', '', 'verdict', '00000000000000000000000000000002.0.45666782783784277', 'msgpack', '\x803fba6cad');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211725-338f81', '', 'steps', '00000000000000000000000000000002.0.45666782783784277', 'msgpack', '\x90220d7cc9');
INSERT INTO lcagent_runs.checkpoint_blobs VALUES ('20261129-211725-338f81', '', 'hops', '00000000000000000000000000000002.0.45666782783784277', 'msgpack', '\x90220d7cc9');
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (0);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (1);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (2);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (3);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (4);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (5);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (6);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (7);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (8);
INSERT INTO lcagent_runs.checkpoint_migrations VALUES (9);
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 0, 'read', 'msgpack', '\x90220d7cc9', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 1, 'unread', 'msgpack', '\x90220d7cc9', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 2, 'stop', 'msgpack', '\xa004d44c65', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 3, 'verdict', 'msgpack', '\x803fba6cad', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 4, 'core', 'msgpack', '\xb357686f206b6570742074686520626f6f6b733f7cd3181b', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 5, 'plan', 'msgpack', '\xa004d44c65', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 6, 'asks', 'msgpack', '\xa004d44c65', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 7, 'memory', 'msgpack', '\xa004d44c65', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 8, 'more', 'msgpack', '\xc3d06f7c87', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 9, 'readers', 'msgpack', '\x9187a5696e64657800a4706c616ea0a66d656d6f7279a0a4746f6c6400a6636f7069656400a5616c6f6e65c2a673747265616b00b7d44c74', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 10, 'round', 'msgpack', '\x00d202ef8d', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', 'ac7d6db4-7ac9-eaf9-8eaa-ea0987a8a39d', 11, 'branch:to:plan', 'null', '\x00000000', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6ef-6765-8000-8bb8f10ac5f7', '5319c8d7-b843-b50e-1561-cef3b4cd6e20', 0, 'core', 'msgpack', '\xb357686f206b6570742074686520626f6f6b733f7cd3181b', '~__pregel_pull, plan');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6ef-6765-8000-8bb8f10ac5f7', '5319c8d7-b843-b50e-1561-cef3b4cd6e20', 1, 'plan', 'msgpack', '\xa004d44c65', '~__pregel_pull, plan');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6ef-6765-8000-8bb8f10ac5f7', '5319c8d7-b843-b50e-1561-cef3b4cd6e20', 2, 'asks', 'msgpack', '\xa4666163740d654ac2', '~__pregel_pull, plan');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6ef-6765-8000-8bb8f10ac5f7', '5319c8d7-b843-b50e-1561-cef3b4cd6e20', 3, 'branch:to:read', 'null', '\x00000000', '~__pregel_pull, plan');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', '1ee7a6d4-3282-1c09-53ca-7018bb882455', 0, 'read', 'msgpack', '\x90220d7cc9', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', '1ee7a6d4-3282-1c09-53ca-7018bb882455', 1, 'unread', 'msgpack', '\x90220d7cc9', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', '1ee7a6d4-3282-1c09-53ca-7018bb882455', 2, 'stop', 'msgpack', '\xa004d44c65', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', '1ee7a6d4-3282-1c09-53ca-7018bb882455', 3, 'verdict', 'msgpack', '\x803fba6cad', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', '1ee7a6d4-3282-1c09-53ca-7018bb882455', 4, 'steps', 'msgpack', '\x90220d7cc9', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', '1ee7a6d4-3282-1c09-53ca-7018bb882455', 5, 'hops', 'msgpack', '\x90220d7cc9', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoint_writes VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', '1ee7a6d4-3282-1c09-53ca-7018bb882455', 6, 'branch:to:answer', 'null', '\x00000000', '~__pregel_pull, __start__');
INSERT INTO lcagent_runs.checkpoints VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', NULL, NULL, '{"v": 4, "id": "1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab", "ts": "2026-11-29T21:17:05.775672+00:00", "versions_seen": {"__input__": {}}, "channel_values": {}, "channel_versions": {"__start__": "00000000000000000000000000000001.0.7102617449879267"}, "updated_channels": ["__start__"]}', '{"step": -1, "source": "input", "parents": {}}');
INSERT INTO lcagent_runs.checkpoints VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', NULL, NULL, '{"v": 4, "id": "1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd", "ts": "2026-11-29T21:17:25.816206+00:00", "versions_seen": {"__input__": {}}, "channel_values": {}, "channel_versions": {"__start__": "00000000000000000000000000000001.0.25746550081311403"}, "updated_channels": ["__start__"]}', '{"step": -1, "source": "input", "parents": {}}');
INSERT INTO lcagent_runs.checkpoints VALUES ('20261129-211725-338f81', '', '1f1ec3a4-6603-6e18-8000-bf9288493768', '1f1ec3a4-6602-6bcd-bfff-40f6ffa6b7cd', NULL, '{"v": 4, "id": "1f1ec3a4-6603-6e18-8000-bf9288493768", "ts": "2026-11-29T21:17:25.816674+00:00", "versions_seen": {"__input__": {}, "__start__": {"__start__": "00000000000000000000000000000001.0.25746550081311403"}}, "channel_values": {"stop": "", "branch:to:answer": null}, "channel_versions": {"hops": "00000000000000000000000000000002.0.45666782783784277", "read": "00000000000000000000000000000002.0.45666782783784277", "stop": "00000000000000000000000000000002.0.45666782783784277", "steps": "00000000000000000000000000000002.0.45666782783784277", "unread": "00000000000000000000000000000002.0.45666782783784277", "verdict": "00000000000000000000000000000002.0.45666782783784277", "__start__": "00000000000000000000000000000002.0.45666782783784277", "branch:to:answer": "00000000000000000000000000000002.0.45666782783784277"}, "updated_channels": ["branch:to:answer", "hops", "read", "steps", "stop", "unread", "verdict"]}', '{"step": 0, "source": "loop", "parents": {}}');
INSERT INTO lcagent_runs.checkpoints VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a6ef-6765-8000-8bb8f10ac5f7', '1f1ec3a3-a6e3-6a93-bfff-953ffa9cfbab', NULL, '{"v": 4, "id": "1f1ec3a3-a6ef-6765-8000-8bb8f10ac5f7", "ts": "2026-11-29T21:17:05.780497+00:00", "versions_seen": {"__input__": {}, "__start__": {"__start__": "00000000000000000000000000000001.0.7102617449879267"}}, "channel_values": {"asks": "", "core": "Who kept the books?", "more": true, "plan": "", "stop": "", "round": 0, "memory": "", "branch:to:plan": null}, "channel_versions": {"asks": "00000000000000000000000000000002.0.5768246427231676", "core": "00000000000000000000000000000002.0.5768246427231676", "more": "00000000000000000000000000000002.0.5768246427231676", "plan": "00000000000000000000000000000002.0.5768246427231676", "read": "00000000000000000000000000000002.0.5768246427231676", "stop": "00000000000000000000000000000002.0.5768246427231676", "round": "00000000000000000000000000000002.0.5768246427231676", "memory": "00000000000000000000000000000002.0.5768246427231676", "unread": "00000000000000000000000000000002.0.5768246427231676", "readers": "00000000000000000000000000000002.0.5768246427231676", "verdict": "00000000000000000000000000000002.0.5768246427231676", "__start__": "00000000000000000000000000000002.0.5768246427231676", "branch:to:plan": "00000000000000000000000000000002.0.5768246427231676"}, "updated_channels": ["asks", "branch:to:plan", "core", "memory", "more", "plan", "read", "readers", "round", "stop", "unread", "verdict"]}', '{"step": 0, "source": "loop", "parents": {}}');
INSERT INTO lcagent_runs.checkpoints VALUES ('20261129-211705-2ffa91', '', '1f1ec3a3-a733-6c49-8001-ebeb5a3aa171', '1f1ec3a3-a6ef-6765-8000-8bb8f10ac5f7', NULL, '{"v": 4, "id": "1f1ec3a3-a733-6c49-8001-ebeb5a3aa171", "ts": "2026-11-29T21:17:05.808473+00:00", "versions_seen": {"plan": {"branch:to:plan": "00000000000000000000000000000002.0.5768246427231676"}, "__input__": {}, "__start__": {"__start__": "00000000000000000000000000000001.0.7102617449879267"}}, "channel_values": {"asks": "fact", "core": "Who kept the books?", "more": true, "plan": "", "stop": "", "round": 0, "memory": "", "branch:to:read": null}, "channel_versions": {"asks": "00000000000000000000000000000003.0.08955594735223227", "core": "00000000000000000000000000000003.0.08955594735223227", "more": "00000000000000000000000000000002.0.5768246427231676", "plan": "00000000000000000000000000000003.0.08955594735223227", "read": "00000000000000000000000000000002.0.5768246427231676", "stop": "00000000000000000000000000000002.0.5768246427231676", "round": "00000000000000000000000000000002.0.5768246427231676", "memory": "00000000000000000000000000000002.0.5768246427231676", "unread": "00000000000000000000000000000002.0.5768246427231676", "readers": "00000000000000000000000000000002.0.5768246427231676", "verdict": "00000000000000000000000000000002.0.5768246427231676", "__start__": "00000000000000000000000000000002.0.5768246427231676", "branch:to:plan": "00000000000000000000000000000003.0.08955594735223227", "branch:to:read": "00000000000000000000000000000003.0.08955594735223227"}, "updated_channels": ["asks", "branch:to:read", "core", "plan"]}', '{"step": 1, "source": "loop", "parents": {}}');
INSERT INTO lcagent_runs.elements VALUES (1, 0, 'Oskar Brandvold', 'oskar brandvold');
INSERT INTO lcagent_runs.elements VALUES (1, 1, 'Vellmere', 'vellmere');
INSERT INTO lcagent_runs.extracted VALUES (4, 0);
INSERT INTO lcagent_runs.facts VALUES (1, 4, 0, 0, 'The harbour master of Vellmere in that year was Oskar Brandvold.', 'the harbour master of vellmer in that year was oskar brandvold', '[[413, 477]]', DEFAULT, DEFAULT);
INSERT INTO lcagent_runs.files VALUES ('20261129-211701-034ed1', 'report.txt', '\x2f746d702f6f6c6465722f7265706f72742e747874', 'e2334f7877061a80bc727610b499085f39f61fb6160397b67464eeda7573cec1', 'text');
INSERT INTO lcagent_runs.files VALUES ('20261129-211705-2ffa91', 'report.txt', '\x2f746d702f6f6c6465722f7265706f72742e747874', 'e2334f7877061a80bc727610b499085f39f61fb6160397b67464eeda7573cec1', 'text');
INSERT INTO lcagent_runs.files VALUES ('20261129-211725-e6324d', 'boat-0.txt', '\x2f746d702f6f6c6465722f626f61742d302e747874', 'ae2753623a4b53a7cd36d54dfb16bc18b3188bf0b9c224e3d7f163c10d3a82f0', 'text');
INSERT INTO lcagent_runs.files VALUES ('20261129-211725-743115', 'boat-1.txt', '\x2f746d702f6f6c6465722f626f61742d312e747874', '46b2b9b64ca92dcdfd9292ba9710938b7553a1459945e37a9184ae92fd4d3663', 'text');
INSERT INTO lcagent_runs.files VALUES ('20261129-211725-25f59f', 'boat-2.txt', '\x2f746d702f6f6c6465722f626f61742d322e747874', '3dda86d1ebb6222853ce259f5e41dc791693167734bdc27ae6e34af664272747', 'text');
INSERT INTO lcagent_runs.files VALUES ('20261129-211725-338f81', 'boat-3.txt', '\x2f746d702f6f6c6465722f626f61742d332e747874', 'ea71d9cd87d9fd69c004fc1b5ec63fcffb65f71d33b128463c85b29139093301', 'text');
INSERT INTO lcagent_runs.findings VALUES ('20261129-211701-034ed1', 0, 0, 0, 'add', NULL, 'The harbour master of Vellmere in that year was Oskar Brandvold.', '[[2571, 2635]]', 'mapper', '', '', 'The harbour master of Vellmere in that year was Oskar Brandvold.', 29);
INSERT INTO lcagent_runs.leases VALUES ('20261129-211705-2ffa91', 1795987025681, 'a-host:27932:86197', 1795987085.680852);
INSERT INTO lcagent_runs.leases VALUES ('20261129-211725-338f81', 1795987045797, 'a-host:28571:88091', 1795987105.797229);
INSERT INTO lcagent_runs.mentions VALUES (5, 'oskar brandvold', 1);
INSERT INTO lcagent_runs.mentions VALUES (5, 'vellmere', 1);
INSERT INTO lcagent_runs.node_words VALUES (5, 'brandvold', 'oskar brandvold');
INSERT INTO lcagent_runs.node_words VALUES (5, 'oskar', 'oskar brandvold');
INSERT INTO lcagent_runs.node_words VALUES (5, 'vellmer', 'vellmere');
INSERT INTO lcagent_runs.nodes VALUES (5, 'oskar brandvold', 'Oskar Brandvold', 1);
INSERT INTO lcagent_runs.nodes VALUES (5, 'vellmere', 'Vellmere', 1);
INSERT INTO lcagent_runs.runs OVERRIDING SYSTEM VALUE VALUES ('20261129-211705-2ffa91', 'c06d0390154f80dff560ac67cdd4d7e1b5f6d33af357014133c2d5ac680c5285', 'running', 1795987025.6739373, 1795987025.6739373, 'Who kept the books?', '["report.txt"]', 'memagent', 'loopback', '{"model": null, "api_base": "http://127.0.0.1:36195/v1", "tokenizer": null, "window": 2048, "strategy": "memagent", "style": "auto", "profile": "auto", "home": "/tmp/older/home", "store": "postgresql://127.0.0.1:33017/t00e2f7b8ddbd88e5", "temperature": 0.0, "top_p": null, "reasoning_tokens": null, "timeout": 600.0, "concurrency": null, "max_calls": null, "max_tokens": null, "max_seconds": null, "encoding": null, "embed_model": null, "embed_base": null, "tracing": false, "store_mb": 1024, "auto": {"effort": "normal"}, "direct": {"retrieve": false}, "memagent": {"mode": "ledger", "rounds": 3, "trained_order": false, "memory_tokens": 1024, "segment_tokens": 5000, "early_exit": false}, "mapreduce": {"mode": "qa", "segment_tokens": 3000, "words": 200}, "longagent": {"segment_tokens": 2000, "rounds": 3, "prefilter": false}, "graphreader": {"segment_tokens": 2000, "paths": 5, "calls": 10}, "segment": {"segment_tokens": 3000, "batch_tokens": 8192}, "memgpt": {"steps": 12, "blocks": ["persona", "human"], "block_tokens": 256, "warn": 0.7}, "tally": {"segment_tokens": 800}}', NULL, NULL, 0, 0, '0de8d48c59bc56bcdef6a46744f38e8b49732467f212a3743a9c5a6de00560cb', 2);
INSERT INTO lcagent_runs.runs OVERRIDING SYSTEM VALUE VALUES ('20261129-211701-034ed1', 'd9093090149081d95fdc0c6d254dc884d2e82ef23e7ffa519d30f5a3fe2fad9e', 'finished', 1795987021.959682, 1795987022.2564833, 'Who was the harbour master of Vellmere?', '["report.txt"]', 'mapreduce', 'loopback', '{"model": null, "api_base": "http://127.0.0.1:36195/v1", "tokenizer": null, "window": 2048, "strategy": "mapreduce", "style": "auto", "profile": "auto", "home": "/tmp/older/home", "store": "postgresql://127.0.0.1:33017/t00e2f7b8ddbd88e5", "temperature": 0.0, "top_p": null, "reasoning_tokens": null, "timeout": 600.0, "concurrency": null, "max_calls": null, "max_tokens": null, "max_seconds": null, "encoding": null, "embed_model": null, "embed_base": null, "tracing": false, "store_mb": 1024, "auto": {"effort": "normal"}, "direct": {"retrieve": false}, "memagent": {"mode": "ledger", "rounds": 3, "trained_order": false, "memory_tokens": 1024, "segment_tokens": 5000, "early_exit": false}, "mapreduce": {"mode": "qa", "segment_tokens": 3000, "words": 200}, "longagent": {"segment_tokens": 2000, "rounds": 3, "prefilter": false}, "graphreader": {"segment_tokens": 2000, "paths": 5, "calls": 10}, "segment": {"segment_tokens": 3000, "batch_tokens": 8192}, "memgpt": {"steps": 12, "blocks": ["persona", "human"], "block_tokens": 256, "warn": 0.7}, "tally": {"segment_tokens": 800}}', '{"version":2,"answer":"Oskar Brandvold","text":"Oskar Brandvold [1]","status":"answered","claims":[{"text":"Oskar Brandvold","support":"verbatim","citations":[1]}],"citations":[{"number":1,"document":"report.txt","place":"line 15","page":null,"char_start":2571,"char_end":2635,"quote":"The harbour master of Vellmere in that year was Oskar Brandvold.","boxes":[]}],"searched":null,"hops":[],"way":[],"paths":[],"table":null,"coverage":{"sentence":"read 4,704 of 4,704 characters (100 %)","segments_read":2,"segments_total":2,"pages_read":0,"pages_looked_up":0,"pages_total":0,"pages_empty":[],"chars_read":4704,"chars_looked_up":0,"chars_total":4704,"skipped":[],"health":[{"document":"report.txt","format":"text","empty":[],"garbled":[],"recognised":[],"encoding":"","left_out":[],"notes":[]}]},"usage":{"calls":3,"replayed":0,"retries":0,"malformed":0,"cut":0,"prompt_tokens":3097,"cached_tokens":0,"completion_tokens":133,"seconds":0.244,"servers":{},"building":null},"run_id":"20261129-211701-034ed1","strategy":"mapreduce","model":"loopback","warnings":[]}', NULL, 0.24776200700000572, 1, 'cd4d8eab6c709c306c85925da9f2ac1546a650135758227f352f7c169176d537', 1);
INSERT INTO lcagent_runs.runs OVERRIDING SYSTEM VALUE VALUES ('20261129-211725-e6324d', 'e338594b62134de29503fd5f88c8678735bd2ea0f2a1d95e9a9336f28c22bb1e', 'finished', 1795987045.4054403, 1795987045.5731022, 'In which year was the boat built?', '["boat-0.txt"]', 'direct', 'loopback', '{"model": null, "api_base": "http://127.0.0.1:36195/v1", "tokenizer": null, "window": 2048, "strategy": "auto", "style": "auto", "profile": "auto", "home": "/tmp/older/home", "store": "postgresql://127.0.0.1:33017/t00e2f7b8ddbd88e5", "temperature": 0.0, "top_p": null, "reasoning_tokens": null, "timeout": 600.0, "concurrency": null, "max_calls": null, "max_tokens": null, "max_seconds": null, "encoding": null, "embed_model": null, "embed_base": null, "tracing": false, "store_mb": 1024, "auto": {"effort": "normal"}, "direct": {"retrieve": false}, "memagent": {"mode": "ledger", "rounds": 3, "trained_order": false, "memory_tokens": 1024, "segment_tokens": 5000, "early_exit": false}, "mapreduce": {"mode": "qa", "segment_tokens": 3000, "words": 200}, "longagent": {"segment_tokens": 2000, "rounds": 3, "prefilter": false}, "graphreader": {"segment_tokens": 2000, "paths": 5, "calls": 10}, "segment": {"segment_tokens": 3000, "batch_tokens": 8192}, "memgpt": {"steps": 12, "blocks": ["persona", "human"], "block_tokens": 256, "warn": 0.7}, "tally": {"segment_tokens": 800}}', '{"version":2,"answer":"1900","text":"1900 [1]","status":"answered","claims":[{"text":"1900","support":"verbatim","citations":[1]}],"citations":[{"number":1,"document":"boat-0.txt","place":"line 1","page":null,"char_start":0,"char_end":25,"quote":"Boat 0 was built in 1900.","boxes":[]}],"searched":null,"hops":[],"way":[],"paths":[],"table":null,"coverage":{"sentence":"read 26 of 26 characters (100 %)","segments_read":1,"segments_total":1,"pages_read":0,"pages_looked_up":0,"pages_total":0,"pages_empty":[],"chars_read":26,"chars_looked_up":0,"chars_total":26,"skipped":[],"health":[{"document":"boat-0.txt","format":"text","empty":[],"garbled":[],"recognised":[],"encoding":"","left_out":[],"notes":[]}]},"usage":{"calls":1,"replayed":0,"retries":0,"malformed":0,"cut":0,"prompt_tokens":333,"cached_tokens":0,"completion_tokens":23,"seconds":0.133,"servers":{},"building":null},"run_id":"20261129-211725-e6324d","strategy":"direct","model":"loopback","warnings":[]}', NULL, 0.13946035700007542, 1, '944fdb776906807bb5f3feb7b1cd1bfc8e47cc5be45ca6bd4ef781a75c6590bf', 3);
INSERT INTO lcagent_runs.runs OVERRIDING SYSTEM VALUE VALUES ('20261129-211725-743115', '6eb694c61d5be4b1ada7fbc444dd57162f9125cbe5d34dcff7bd0058b3a3ab16', 'finished', 1795987045.5952175, 1795987045.6801922, 'In which year was the boat built?', '["boat-1.txt"]', 'direct', 'loopback', '{"model": null, "api_base": "http://127.0.0.1:36195/v1", "tokenizer": null, "window": 2048, "strategy": "auto", "style": "auto", "profile": "auto", "home": "/tmp/older/home", "store": "postgresql://127.0.0.1:33017/t00e2f7b8ddbd88e5", "temperature": 0.0, "top_p": null, "reasoning_tokens": null, "timeout": 600.0, "concurrency": null, "max_calls": null, "max_tokens": null, "max_seconds": null, "encoding": null, "embed_model": null, "embed_base": null, "tracing": false, "store_mb": 1024, "auto": {"effort": "normal"}, "direct": {"retrieve": false}, "memagent": {"mode": "ledger", "rounds": 3, "trained_order": false, "memory_tokens": 1024, "segment_tokens": 5000, "early_exit": false}, "mapreduce": {"mode": "qa", "segment_tokens": 3000, "words": 200}, "longagent": {"segment_tokens": 2000, "rounds": 3, "prefilter": false}, "graphreader": {"segment_tokens": 2000, "paths": 5, "calls": 10}, "segment": {"segment_tokens": 3000, "batch_tokens": 8192}, "memgpt": {"steps": 12, "blocks": ["persona", "human"], "block_tokens": 256, "warn": 0.7}, "tally": {"segment_tokens": 800}}', '{"version":2,"answer":"1901","text":"1901 [1]","status":"answered","claims":[{"text":"1901","support":"verbatim","citations":[1]}],"citations":[{"number":1,"document":"boat-1.txt","place":"line 1","page":null,"char_start":0,"char_end":25,"quote":"Boat 1 was built in 1901.","boxes":[]}],"searched":null,"hops":[],"way":[],"paths":[],"table":null,"coverage":{"sentence":"read 26 of 26 characters (100 %)","segments_read":1,"segments_total":1,"pages_read":0,"pages_looked_up":0,"pages_total":0,"pages_empty":[],"chars_read":26,"chars_looked_up":0,"chars_total":26,"skipped":[],"health":[{"document":"boat-1.txt","format":"text","empty":[],"garbled":[],"recognised":[],"encoding":"","left_out":[],"notes":[]}]},"usage":{"calls":1,"replayed":0,"retries":0,"malformed":0,"cut":0,"prompt_tokens":333,"cached_tokens":0,"completion_tokens":23,"seconds":0.06,"servers":{},"building":null},"run_id":"20261129-211725-743115","strategy":"direct","model":"loopback","warnings":[]}', NULL, 0.06487904499999786, 1, '944fdb776906807bb5f3feb7b1cd1bfc8e47cc5be45ca6bd4ef781a75c6590bf', 4);
INSERT INTO lcagent_runs.runs OVERRIDING SYSTEM VALUE VALUES ('20261129-211725-25f59f', '7e084dd8c4724077853336044f9ae4d1e1da8620c6c099e6cfdd1a5b9ceb4d6b', 'finished', 1795987045.708096, 1795987045.7817552, 'In which year was the boat built?', '["boat-2.txt"]', 'direct', 'loopback', '{"model": null, "api_base": "http://127.0.0.1:36195/v1", "tokenizer": null, "window": 2048, "strategy": "auto", "style": "auto", "profile": "auto", "home": "/tmp/older/home", "store": "postgresql://127.0.0.1:33017/t00e2f7b8ddbd88e5", "temperature": 0.0, "top_p": null, "reasoning_tokens": null, "timeout": 600.0, "concurrency": null, "max_calls": null, "max_tokens": null, "max_seconds": null, "encoding": null, "embed_model": null, "embed_base": null, "tracing": false, "store_mb": 1024, "auto": {"effort": "normal"}, "direct": {"retrieve": false}, "memagent": {"mode": "ledger", "rounds": 3, "trained_order": false, "memory_tokens": 1024, "segment_tokens": 5000, "early_exit": false}, "mapreduce": {"mode": "qa", "segment_tokens": 3000, "words": 200}, "longagent": {"segment_tokens": 2000, "rounds": 3, "prefilter": false}, "graphreader": {"segment_tokens": 2000, "paths": 5, "calls": 10}, "segment": {"segment_tokens": 3000, "batch_tokens": 8192}, "memgpt": {"steps": 12, "blocks": ["persona", "human"], "block_tokens": 256, "warn": 0.7}, "tally": {"segment_tokens": 800}}', '{"version":2,"answer":"1902","text":"1902 [1]","status":"answered","claims":[{"text":"1902","support":"verbatim","citations":[1]}],"citations":[{"number":1,"document":"boat-2.txt","place":"line 1","page":null,"char_start":0,"char_end":25,"quote":"Boat 2 was built in 1902.","boxes":[]}],"searched":null,"hops":[],"way":[],"paths":[],"table":null,"coverage":{"sentence":"read 26 of 26 characters (100 %)","segments_read":1,"segments_total":1,"pages_read":0,"pages_looked_up":0,"pages_total":0,"pages_empty":[],"chars_read":26,"chars_looked_up":0,"chars_total":26,"skipped":[],"health":[{"document":"boat-2.txt","format":"text","empty":[],"garbled":[],"recognised":[],"encoding":"","left_out":[],"notes":[]}]},"usage":{"calls":1,"replayed":0,"retries":0,"malformed":0,"cut":0,"prompt_tokens":333,"cached_tokens":0,"completion_tokens":23,"seconds":0.047,"servers":{},"building":null},"run_id":"20261129-211725-25f59f","strategy":"direct","model":"loopback","warnings":[]}', NULL, 0.05887308100000155, 1, '944fdb776906807bb5f3feb7b1cd1bfc8e47cc5be45ca6bd4ef781a75c6590bf', 5);
INSERT INTO lcagent_runs.runs OVERRIDING SYSTEM VALUE VALUES ('20261129-211725-338f81', '6cf69b1a8b469bd35603a19e9f2f3a1222060a5b7cfa2b0bcd4b7dd1f798efbb', 'running', 1795987045.7947593, 1795987045.7947593, 'In which year was the boat built?', '["boat-3.txt"]', 'direct', 'loopback', '{"model": null, "api_base": "http://127.0.0.1:36195/v1", "tokenizer": null, "window": 2048, "strategy": "auto", "style": "auto", "profile": "auto", "home": "/tmp/older/home", "store": "postgresql://127.0.0.1:33017/t00e2f7b8ddbd88e5", "temperature": 0.0, "top_p": null, "reasoning_tokens": null, "timeout": 600.0, "concurrency": null, "max_calls": null, "max_tokens": null, "max_seconds": null, "encoding": null, "embed_model": null, "embed_base": null, "tracing": false, "store_mb": 1024, "auto": {"effort": "normal"}, "direct": {"retrieve": false}, "memagent": {"mode": "ledger", "rounds": 3, "trained_order": false, "memory_tokens": 1024, "segment_tokens": 5000, "early_exit": false}, "mapreduce": {"mode": "qa", "segment_tokens": 3000, "words": 200}, "longagent": {"segment_tokens": 2000, "rounds": 3, "prefilter": false}, "graphreader": {"segment_tokens": 2000, "paths": 5, "calls": 10}, "segment": {"segment_tokens": 3000, "batch_tokens": 8192}, "memgpt": {"steps": 12, "blocks": ["persona", "human"], "block_tokens": 256, "warn": 0.7}, "tally": {"segment_tokens": 800}}', NULL, NULL, 0, 0, '944fdb776906807bb5f3feb7b1cd1bfc8e47cc5be45ca6bd4ef781a75c6590bf', 6);
INSERT INTO lcagent_runs.segmentations VALUES (1, '\x5b5b302c20323633372c203836395d2c205b323633372c20343730342c203637395d5d', '[["Boats river of light morning see town morning to and light old t", 2637, 869, "2855b8cbb817685993029415bca6e2ca"], ["Morning to of old the and to came morning 42. Town came mill ran", 2067, 679, "2b271e728d1254549452d5f6821d1f46"]]');
INSERT INTO lcagent_runs.segmentations VALUES (2, '\x5b5b302c20323233302c203733355d2c205b323233302c20343532372c203735355d2c205b343532372c20343730342c2035385d5d', '[["Boats river of light morning see town morning to and light old t", 2230, 735, "435f60f50c2e1a2067072a582dea2654"], ["Old see town past light and river see in to and in 36. Ran river", 2297, 755, "2a162bb27d1be196a923b855eea4377e"], ["And came town see river and river came people came in people of ", 177, 58, "953f446463533c51997c2e1abf5eb682"]]');
INSERT INTO lcagent_runs.segmentations VALUES (3, '\x5b5b302c203835322c203238355d5d', '[["Boats river of light morning see town morning to and light old t", 852, 285, "0be3fddf25cc77f682c0054ace2991b2"]]');
INSERT INTO lcagent_runs.segmentations VALUES (7, '\x5b5b302c2032362c2031305d5d', '[["Boat 0 was built in 1900.\n", 26, 10, "ae2753623a4b53a7cd36d54dfb16bc18"]]');
INSERT INTO lcagent_runs.segmentations VALUES (8, '\x5b5b302c2032362c2031305d5d', '[["Boat 1 was built in 1901.\n", 26, 10, "46b2b9b64ca92dcdfd9292ba9710938b"]]');
INSERT INTO lcagent_runs.segmentations VALUES (9, '\x5b5b302c2032362c2031305d5d', '[["Boat 2 was built in 1902.\n", 26, 10, "3dda86d1ebb6222853ce259f5e41dc79"]]');
INSERT INTO lcagent_runs.segmentations VALUES (10, '\x5b5b302c2032362c2031305d5d', '[["Boat 3 was built in 1903.\n", 26, 10, "ea71d9cd87d9fd69c004fc1b5ec63fcf"]]');
INSERT INTO lcagent_runs.uses VALUES ('20261129-211701-034ed1', 1);
INSERT INTO lcagent_runs.uses VALUES ('20261129-211705-2ffa91', 2);
INSERT INTO lcagent_runs.uses VALUES ('20261129-211725-e6324d', 7);
INSERT INTO lcagent_runs.uses VALUES ('20261129-211725-743115', 8);
INSERT INTO lcagent_runs.uses VALUES ('20261129-211725-25f59f', 9);
INSERT INTO lcagent_runs.uses VALUES ('20261129-211725-338f81', 10);
INSERT INTO lcagent_runs.version VALUES (7);
INSERT INTO lcagent_runs.works VALUES (10, '63da8fe961c67922e705b2ef6fc0ac9e24e6ea66c95bb59359f69044861eb8be', 'segmentation', 'boat-3.txt', 'ea71d9cd87d9fd69c004fc1b5ec63fcffb65f71d33b128463c85b29139093301', '{"tokens": "1266", "tokenizer": "server:2818a165ab6f0b449526c9ec7214165b7173e78d16cf23d0bf1f6e5ba9b7c5ec"}', 'done', 1795987045.7996998, 1795987045.8010032);
INSERT INTO lcagent_runs.works VALUES (1, 'a7f6b2fd38064e9f65bd74e248191167e9ac9e2c59f590343be5019c541dd2f7', 'segmentation', 'report.txt', 'e2334f7877061a80bc727610b499085f39f61fb6160397b67464eeda7573cec1', '{"tokens": "960", "tokenizer": "server:2818a165ab6f0b449526c9ec7214165b7173e78d16cf23d0bf1f6e5ba9b7c5ec"}', 'done', 1795987021.979623, 1795987021.9881804);
INSERT INTO lcagent_runs.works VALUES (2, '61efd24691afaf5e0bb4595badd7db6b291cdadb23a04a156294e8ab33c438e3', 'segmentation', 'report.txt', 'e2334f7877061a80bc727610b499085f39f61fb6160397b67464eeda7573cec1', '{"tokens": "832", "tokenizer": "server:2818a165ab6f0b449526c9ec7214165b7173e78d16cf23d0bf1f6e5ba9b7c5ec"}', 'done', 1795987025.6940658, 1795987025.6993496);
INSERT INTO lcagent_runs.works VALUES (3, 'fd9bb79d1263545d37f1d2eef97f08f8014000125cf97be5a77309e92d2fed03', 'segmentation', 'graph.txt', '0be3fddf25cc77f682c0054ace2991b20831a20a086f65e05bd3b53a6a44930f', '{"tokens": "832", "tokenizer": "server:2818a165ab6f0b449526c9ec7214165b7173e78d16cf23d0bf1f6e5ba9b7c5ec"}', 'done', 1795987029.839226, 1795987029.839226);
INSERT INTO lcagent_runs.works VALUES (4, '4c6cf18302d3b145ac61e020dbb6395faf2c38e21e899af49a621cec5b4cfae2', 'facts', 'graph.txt', '0be3fddf25cc77f682c0054ace2991b20831a20a086f65e05bd3b53a6a44930f', '{"document": "0be3fddf25cc77f682c0054ace2991b20831a20a086f65e05bd3b53a6a44930f", "segments": "d4b61310d871155b0e5dacda34b3f8d8a27bc25e2dc8ee9bd1bb25d39a6bf365", "model": "loopback", "prompt": "08975594c308", "window": "2048", "brief": "False", "sampling": "[0.0, null]"}', 'done', 1795987029.844769, 1795987029.844769);
INSERT INTO lcagent_runs.works VALUES (5, '7633db1f0f89b5980cc2a9eb91a02f422c1508b3e66aa599355c199aaeda92fe', 'graph', 'graph.txt', '', '{"facts": "[4]"}', 'done', 1795987029.928278, 1795987029.9600947);
INSERT INTO lcagent_runs.works VALUES (7, '72f3f859ebed078e02bb3ce6eb5beec0b944602278eb99899a5120a9ec2665cc', 'segmentation', 'boat-0.txt', 'ae2753623a4b53a7cd36d54dfb16bc18b3188bf0b9c224e3d7f163c10d3a82f0', '{"tokens": "1266", "tokenizer": "server:2818a165ab6f0b449526c9ec7214165b7173e78d16cf23d0bf1f6e5ba9b7c5ec"}', 'done', 1795987045.4294713, 1795987045.4316719);
INSERT INTO lcagent_runs.works VALUES (8, '202490d1bbef2c9110d5bd632cb6afd49b133bc7f5cc38d0eb8a7d90d07bbdeb', 'segmentation', 'boat-1.txt', '46b2b9b64ca92dcdfd9292ba9710938b7553a1459945e37a9184ae92fd4d3663', '{"tokens": "1266", "tokenizer": "server:2818a165ab6f0b449526c9ec7214165b7173e78d16cf23d0bf1f6e5ba9b7c5ec"}', 'done', 1795987045.6080172, 1795987045.613154);
INSERT INTO lcagent_runs.works VALUES (9, '717e5653baf999f932b88f6b969194de0ff90cb02097961ec392c8a55de4c3e5', 'segmentation', 'boat-2.txt', '3dda86d1ebb6222853ce259f5e41dc791693167734bdc27ae6e34af664272747', '{"tokens": "1266", "tokenizer": "server:2818a165ab6f0b449526c9ec7214165b7173e78d16cf23d0bf1f6e5ba9b7c5ec"}', 'done', 1795987045.713061, 1795987045.7143264);
INSERT INTO lcagent_server.collections VALUES ('col_7aa418fd5a660a57267d6798', 'reports', 1795987038.1128855);
INSERT INTO lcagent_server.files VALUES ('file-99f4152119a01ee2ca5a4d6a', 'report.txt', 'e2334f7877061a80bc727610b499085f39f61fb6160397b67464eeda7573cec1', 4704, 'user_data', 1795987038.0604098);
INSERT INTO lcagent_server.jobs VALUES ('run_55b93321a556187ed826d575', 'queued', 1795987041.1906493, 1795987041.1906493, '{"text": "Who kept the light?", "files": ["file-99f4152119a01ee2ca5a4d6a"], "before": [], "session": null, "key": null, "strategy": "memagent", "style": "auto", "max_calls": null, "max_tokens": null, "max_seconds": null, "resume": false}', '', NULL, NULL, 0);
INSERT INTO lcagent_server.jobs VALUES ('run_199b16dac02a60fac420a043', 'queued', 1795987041.257579, 1795987041.257579, '{"text": "Who kept the wireless?", "files": ["file-99f4152119a01ee2ca5a4d6a"], "before": [], "session": null, "key": null, "strategy": "memagent", "style": "auto", "max_calls": null, "max_tokens": null, "max_seconds": null, "resume": false}', '', NULL, NULL, 0);
INSERT INTO lcagent_server.keys VALUES ('key_896e0833f943', 'team-a', '', 'dc8b6314d27d9ad3a64a38ad10f1322f00333e181c601fc730e94e913deab2de', 1795987032.881697, NULL);
INSERT INTO lcagent_server.pieces VALUES ('file-99f4152119a01ee2ca5a4d6a', 0, '\x426f617473207269766572206f66206c69676874206d6f726e696e672073656520746f776e206d6f726e696e6720746f20616e64206c69676874206f6c6420746f776e206f6c6420302e204f66206f6c6420746f776e20706173742072616e2063616d65206d6f726e696e67207061737420746f20312e2043616d6520616e64206d6f726e696e6720696e206c69676874206f66207269766572207468652072616e2073656520746865206d6f726e696e672063616d652070656f706c6520322e2052616e20616e642070656f706c652070656f706c65206f6c6420696e2072616e2072616e2063616d65206c69676874206d6f726e696e67207061737420746f776e20332e20546f776e20706173742063616d6520616e6420746f776e20696e2072616e207365652063616d652070656f706c6520746f776e206d696c6c20616e64206d696c6c207269766572206f6620342e2052616e2072616e206f6c64206f6c642072697665722072616e20736565206c69676874206f66206c696768742070656f706c6520616e6420626f617473206f6620696e20352e0a0a546f2072616e2063616d652070617374206d6f726e696e672063616d6520616e642070656f706c6520746865206f6620706173742070656f706c6520746f206d696c6c2063616d6520362e2052697665722070617374206f6c642070656f706c652072697665722072616e20746865207061737420616e642070617374207365652072616e20746f207061737420372e2054686520616e64206d696c6c2070617374206d6f726e696e6720616e642072697665722074686520382e20426f6174732070617374206f662072616e2070656f706c652072616e20746f776e20746f20626f617473206d696c6c207269766572206c6967687420696e20726976657220706173742073656520392e204f6620746f206d6f726e696e67206d696c6c20616e64207269766572206d696c6c206d696c6c2063616d65206c69676874206f662031302e20496e206d696c6c20746865206d6f726e696e6720626f617473206c6967687420746f776e20746f207365652031312e0a0a4f6c642074686520696e2072616e2063616d65207269766572206f66206f6c642070656f706c65206d6f726e696e6720746f20746f776e2031322e204f6c6420746f776e2073656520626f6174732072616e2074686520616e642063616d65206d696c6c2070656f706c652070656f706c6520696e207365652031332e2052697665722073656520626f617473207269766572206d696c6c20696e2072616e206f66206d696c6c20696e206c69676874206d6f726e696e67207468652072697665722031342e2043616d6520746f776e20696e20726976657220626f61747320616e642072616e206f6c64207468652073656520626f6174732063616d652074686520616e64207468652031352e204c69676874207061737420616e64207061737420616e6420746f776e206f66206d696c6c2031362e204d6f726e696e67207365652072616e20746865206f6620696e2070617374206f66206f6c642031372e0a0a546f2070617374206f6c64206f662074686520726976657220726976657220616e64206f662063616d6520746f207269766572206d6f726e696e6720696e20626f61747320746f2031382e204d696c6c20616e642073656520746f776e20746865206f6c64206f6c64206f662063616d652063616d6520746f2072616e2063616d65207269766572207269766572206f662031392e204f6c6420746f776e20746f20736565206f6c6420746f776e2070617374206d6f726e696e672070656f706c652072697665722032302e204d696c6c206c696768742072616e20746f776e207365652063616d6520746f776e20626f61747320706173742070617374206d6f726e696e67206d6f726e696e672032312e2043616d652070617374206d6f726e696e672070617374206d6f726e696e6720626f61747320726976657220746f776e2063616d65206f6c64206d696c6c207365652072616e2032322e2052616e20616e642070656f706c652072697665722073656520746865207061737420736565206c696768742032332e0a0a496e206d6f726e696e6720616e6420626f6174732072616e20746f2070656f706c65206f66206d696c6c20626f61747320616e6420746f2032342e2052616e20746865206c6967687420696e20616e642070617374206d6f726e696e6720736565206f662032352e20526976657220616e64206f6c64207061737420616e6420696e2073656520746f206f6c642070617374206d6f726e696e672032362e2053656520626f617473206c69676874206d6f726e696e672063616d65206d6f726e696e67206d6f726e696e6720616e642070656f706c65207468652032372e2043616d652063616d65207269766572206c69676874206f6c64206f66206f6c642073656520746f776e206d6f726e696e672072616e2072616e206c696768742032382e2052616e2070656f706c65206f6c6420726976657220746f776e2074686520696e2063616d652032392e0a0a4f6c6420696e20746f206c6967687420736565206c69676874206c696768742072697665722072616e206c696768742033302e20426f61747320616e6420746f776e20626f617473206d6f726e696e67207365652070656f706c6520746865207468652033312e20546f776e206c69676874206f662063616d652072616e206d6f726e696e67206f6620746f776e20626f617473207365652033322e205269766572206d696c6c206f6c642070656f706c6520746f776e2063616d65207269766572207269766572206d6f726e696e6720626f617473206f6c64206d6f726e696e672072616e206f6c642033332e20426f61747320726976657220696e2073656520696e2072697665722070617374206d6f726e696e67206f6c6420746865207269766572206f6c642063616d652033342e20546f20616e6420736565206d6f726e696e67207061737420726976657220696e2063616d6520706173742033352e0a0a4f6c642073656520746f776e2070617374206c6967687420616e642072697665722073656520696e20746f20616e6420696e2033362e2052616e207269766572207269766572206d6f726e696e67206f6620746865206c6967687420616e642070656f706c652072616e206c69676874206c6967687420626f6174732033372e20546f776e2070617374206f6c6420626f61747320626f6174732072616e207061737420626f6174732072616e207061737420626f617473206f6c642074686520696e20626f61747320626f6174732033382e204d6f726e696e672063616d65206f662072616e20746f2072616e207061737420746f2033392e20546f20746f206d696c6c207468652070656f706c6520746f2072616e206f6c642034302e2054686520616e6420706173742074686520746f776e20746f207468652070656f706c65206f6c64206d696c6c20696e2034312e0a0a54686520686172626f7572206d6173746572206f662056656c6c6d65726520696e2074686174207965617220776173204f736b6172204272616e64766f6c642e0a0a4d6f726e696e6720746f206f66206f6c642074686520616e6420746f2063616d65206d6f726e696e672034322e20546f776e2063616d65206d696c6c2072616e207061737420746f776e206d696c6c20736565206f6c64206f6c642070656f706c652063616d652034332e2050656f706c652070656f706c65206d696c6c20746f776e20746f20626f617473207269766572206f6c6420746865207365652072616e2072616e206f6c6420626f61747320746f776e20626f6174732034342e20426f61747320746f776e20746f2072616e2070656f706c6520696e20746f206c69676874207269766572207365652034352e2054686520626f6174732063616d6520696e20616e6420746f20746f776e206d6f726e696e672072616e206d696c6c2070617374206f662070617374206f6c642034362e20536565206d696c6c20626f61747320626f617473206d696c6c2070656f706c6520696e2063616d65206c69676874206f6c6420746f20696e2072616e206d6f726e696e6720616e642034372e0a0a54686520696e20696e2074686520616e6420746f776e207061737420746f776e206f6c6420626f617473206d6f726e696e672072616e2034382e2050656f706c6520736565206f66207468652070617374206f6620726976657220746865206f6620736565206c696768742073656520696e2070617374206f662034392e20546f776e20616e642072616e2072697665722072616e206f6620746f776e2063616d652070617374206c696768742070656f706c65206d696c6c2072616e2035302e20546f776e20746f776e206c69676874206f6c64206c6967687420616e64207061737420626f61747320736565206f6620746f776e20696e20746f206f6c642035312e20506173742070617374207365652073656520696e206f6c6420746f776e20746f206d6f726e696e6720626f6174732035322e204d6f726e696e67206d6f726e696e67206c696768742063616d65206d6f726e696e6720726976657220696e20746f776e206f6c64206d6f726e696e672072697665722035332e0a0a54686520746f206d6f726e696e672073656520746865206c696768742072616e2072616e207365652074686520746f2035342e205061737420746865206f6620746f776e2070656f706c65206f6c6420746f776e20616e642035352e20426f61747320696e2063616d6520736565206d696c6c2063616d6520626f61747320626f617473206f6c642035362e204f6c64206c696768742063616d65206f6c6420616e64206d696c6c20696e20746f2073656520626f617473206d6f726e696e67207365652070656f706c6520616e6420696e2035372e205269766572207365652072697665722070656f706c652072616e206d696c6c20746f207269766572206d696c6c2070656f706c6520746f776e2035382e204c6967687420746f776e20746f20626f61747320696e207269766572206c6967687420626f61747320696e2035392e0a0a4f66206d6f726e696e6720616e642063616d65206f66207269766572207269766572207269766572206d696c6c20746f2074686520746f776e20746865206f6c642072616e2036302e2050656f706c65207365652070656f706c6520696e20616e642063616d6520706173742072616e2063616d652063616d6520696e2063616d65206f66207468652036312e20526976657220616e6420746f2072616e20616e64206c6967687420746f20616e6420616e64206f6620746f776e20746f776e206c6967687420736565206f66206d6f726e696e672036322e2050656f706c6520726976657220746f776e2072616e2074686520696e206d6f726e696e6720696e20726976657220626f617473206d6f726e696e6720696e20696e2036332e2052616e2072616e2070656f706c652070617374206f6c6420626f61747320616e6420696e2072616e2036342e20536565207269766572206d696c6c2070656f706c65206d6f726e696e672070656f706c65206f6c64206f6620746f2063616d6520626f617473207061737420746f776e20616e642036352e0a0a496e206c6967687420696e206f66206f662070656f706c652074686520706173742070617374206d696c6c20626f6174732070656f706c652036362e20546f776e20746865206c6967687420626f617473207269766572207061737420736565206f66207061737420746f2070656f706c652036372e20546f776e2070656f706c652070656f706c652072616e206c6967687420746f776e2063616d652070656f706c6520746f206d6f726e696e6720746f776e206d696c6c206f6c6420746865206c696768742063616d652036382e20546865206f6c6420736565206f6c64206d696c6c206c696768742072616e206f6c6420616e64206d6f726e696e6720616e642070656f706c65206f6c642036392e2053656520746f206f6c64206d6f726e696e67207061737420746865206c6967687420746f206d6f726e696e6720696e20746f776e2037302e2050656f706c65206d696c6c206d6f726e696e67206d6f726e696e672063616d652072616e206f66206f6c642037312e0a0a416e642063616d6520746f776e2073656520726976657220616e642072697665722063616d652070656f706c652063616d6520696e2070656f706c65206f6620746f2037322e20546f776e2074686520746f207269766572206f6c6420746f20746865206d6f726e696e67207269766572207468652037332e205269766572207468652070656f706c652063616d652072616e20726976657220746f20626f617473206f6c6420616e6420696e2037342e');
INSERT INTO lcagent_server.spent VALUES ('default', '2026-11-29', 1350);
INSERT INTO lcagent_server.version VALUES (2);
INSERT INTO "lcagent_server_/team-a".version VALUES (2);
INSERT INTO public.lcagent_work_migrations VALUES ('["00.00.00_01_initial.sql", "00.05.00_01_drop_started_at_column.sql", "00.05.00_02_drop_started_at_column.sql", "00.05.00_03_drop_procrastinate_version_table.sql", "00.06.00_01_fix_procrastinate_fetch_job.sql", "00.07.01_01_fix_trigger_status_events_insert.sql", "00.08.01_01_add_queueing_lock_column.sql", "00.10.00_01_close_fetch_job_race_condition.sql", "00.10.00_02_add_defer_job_function.sql", "00.11.00_03_add_procrastinate_periodic_defers.sql", "00.12.00_01_add_foreign_key_index.sql", "00.14.00_01_add_locks_to_periodic_defer.sql", "00.15.02_01_fix_procrastinate_defer_periodic_job.sql", "00.16.00_01_add_finish_job_and_retry_job_functions.sql", "00.17.00_01_add_trigger_on_job_deletion.sql", "00.17.00_02_delete_finished_jobs.sql", "00.17.00_03_add_checks_to_finish_job.sql", "00.17.00_04_add_checks_to_retry_job.sql", "00.18.01_01_fix_finish_job_compat_issue.sql", "00.19.00_01_add_index_on_procrastinate_jobs.sql", "00.22.00_01_add_kwargs_to_defer_periodic_job.sql", "00.23.00_01_null_locks_excluded.sql", "01.00.00_01_remove_old_finish_job_function.sql", "01.01.01_01_job_id_bigint.sql", "02.00.03_01_add_job_priority.sql", "02.05.00_01_add_periodic_job_priority.sql", "02.06.00_01_add_cancel_states.sql", "02.08.00_01_add_additional_params_to_retry_job.sql", "02.14.01_01_add_indexes_for_fetch_job.sql", "03.00.00_01_pre_cancel_notification.sql", "03.00.00_50_post_cancel_notification.sql", "03.01.00_01_pre_add_heartbeat.sql", "03.01.00_50_post_add_heartbeat.sql", "03.02.00_01_pre_batch_defer_jobs.sql", "03.02.00_50_post_batch_defer_jobs.sql", "03.03.00_01_pre_priority_lock_fetch_job.sql", "03.04.00_01_pre_add_retry_failed_job_procedure.sql", "03.04.00_50_post_add_retry_failed_job_procedure.sql"]');
INSERT INTO public.procrastinate_events VALUES (1, 1, 'deferred', '2026-11-29 21:17:21.205452+00');
INSERT INTO public.procrastinate_events VALUES (2, 2, 'deferred', '2026-11-29 21:17:21.259811+00');
INSERT INTO public.procrastinate_jobs VALUES (1, 'lcagent', 'lcagent', -1, NULL, 'lcagent/default/run_55b93321a556187ed826d575', '{"job": "run_55b93321a556187ed826d575", "tenant": "default"}', 'todo', NULL, 0, false, NULL);
INSERT INTO public.procrastinate_jobs VALUES (2, 'lcagent', 'lcagent', -2, NULL, 'lcagent/default/run_199b16dac02a60fac420a043', '{"job": "run_199b16dac02a60fac420a043", "tenant": "default"}', 'todo', NULL, 0, false, NULL);
SELECT pg_catalog.setval('lcagent_memory.attached_id_seq', 1, false);
SELECT pg_catalog.setval('lcagent_memory.entries_id_seq', 7, true);
SELECT pg_catalog.setval('lcagent_memory.items_rowid_seq', 1, false);
SELECT pg_catalog.setval('lcagent_runs.calls_rowid_seq', 9, true);
SELECT pg_catalog.setval('lcagent_runs.items_rowid_seq', 1, false);
SELECT pg_catalog.setval('lcagent_runs.runs_rowid_seq', 6, true);
SELECT pg_catalog.setval('lcagent_runs.works_id_seq', 10, true);
SELECT pg_catalog.setval('public.procrastinate_events_id_seq', 2, true);
SELECT pg_catalog.setval('public.procrastinate_jobs_id_seq', 2, true);
SELECT pg_catalog.setval('public.procrastinate_periodic_defers_id_seq', 1, false);
SELECT pg_catalog.setval('public.procrastinate_workers_id_seq', 1, false);
ALTER TABLE ONLY lcagent_memory.attached
    ADD CONSTRAINT attached_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_memory.attached
    ADD CONSTRAINT attached_tenant_session_sha256_key UNIQUE (tenant, session, sha256);
ALTER TABLE ONLY lcagent_memory.closings
    ADD CONSTRAINT closings_pkey PRIMARY KEY (entry, by);
ALTER TABLE ONLY lcagent_memory.codes
    ADD CONSTRAINT codes_pkey PRIMARY KEY (tenant, model, part);
ALTER TABLE ONLY lcagent_memory.embedded
    ADD CONSTRAINT embedded_pkey PRIMARY KEY (entry);
ALTER TABLE ONLY lcagent_memory.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_memory.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (tenant, namespace, key);
ALTER TABLE ONLY lcagent_memory.items
    ADD CONSTRAINT items_rowid_key UNIQUE (rowid);
ALTER TABLE ONLY lcagent_memory.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY lcagent_memory.postings
    ADD CONSTRAINT postings_pkey PRIMARY KEY (tenant, term, chunk);
ALTER TABLE ONLY lcagent_memory.rests
    ADD CONSTRAINT rests_pkey PRIMARY KEY (entry, source);
ALTER TABLE ONLY lcagent_memory.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (tenant, session);
ALTER TABLE ONLY lcagent_runs.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (scope, key);
ALTER TABLE ONLY lcagent_runs.calls
    ADD CONSTRAINT calls_rowid_key UNIQUE (rowid);
ALTER TABLE ONLY lcagent_runs.checkpoint_blobs
    ADD CONSTRAINT checkpoint_blobs_pkey PRIMARY KEY (thread_id, checkpoint_ns, channel, version);
ALTER TABLE ONLY lcagent_runs.checkpoint_migrations
    ADD CONSTRAINT checkpoint_migrations_pkey PRIMARY KEY (v);
ALTER TABLE ONLY lcagent_runs.checkpoint_writes
    ADD CONSTRAINT checkpoint_writes_pkey PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx);
ALTER TABLE ONLY lcagent_runs.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id);
ALTER TABLE ONLY lcagent_runs.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (work);
ALTER TABLE ONLY lcagent_runs.elements
    ADD CONSTRAINT elements_pkey PRIMARY KEY (fact, seq);
ALTER TABLE ONLY lcagent_runs.extracted
    ADD CONSTRAINT extracted_pkey PRIMARY KEY (work, segment);
ALTER TABLE ONLY lcagent_runs.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_runs.facts
    ADD CONSTRAINT facts_work_segment_seq_key UNIQUE (work, segment, seq);
ALTER TABLE ONLY lcagent_runs.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (run, document);
ALTER TABLE ONLY lcagent_runs.findings
    ADD CONSTRAINT findings_pkey PRIMARY KEY (run, document, segment, seq);
ALTER TABLE ONLY lcagent_runs.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (work, segment, seq);
ALTER TABLE ONLY lcagent_runs.items
    ADD CONSTRAINT items_rowid_key UNIQUE (rowid);
ALTER TABLE ONLY lcagent_runs.labelled
    ADD CONSTRAINT labelled_pkey PRIMARY KEY (work, segment);
ALTER TABLE ONLY lcagent_runs.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY lcagent_runs.mentions
    ADD CONSTRAINT mentions_pkey PRIMARY KEY (work, node, fact);
ALTER TABLE ONLY lcagent_runs.merges
    ADD CONSTRAINT merges_pkey PRIMARY KEY (work, node);
ALTER TABLE ONLY lcagent_runs.node_words
    ADD CONSTRAINT node_words_pkey PRIMARY KEY (work, word, node);
ALTER TABLE ONLY lcagent_runs.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (work, node);
ALTER TABLE ONLY lcagent_runs.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (model, fingerprint);
ALTER TABLE ONLY lcagent_runs.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_runs.runs
    ADD CONSTRAINT runs_rowid_key UNIQUE (rowid);
ALTER TABLE ONLY lcagent_runs.segmentations
    ADD CONSTRAINT segmentations_pkey PRIMARY KEY (work);
ALTER TABLE ONLY lcagent_runs.uses
    ADD CONSTRAINT uses_pkey PRIMARY KEY (run, work);
ALTER TABLE ONLY lcagent_runs.vectors
    ADD CONSTRAINT vectors_pkey PRIMARY KEY (work, owner, model, item);
ALTER TABLE ONLY lcagent_runs.works
    ADD CONSTRAINT works_kind_key_key UNIQUE (kind, key);
ALTER TABLE ONLY lcagent_runs.works
    ADD CONSTRAINT works_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_server.attached
    ADD CONSTRAINT attached_pkey PRIMARY KEY (session, file);
ALTER TABLE ONLY lcagent_server.collected
    ADD CONSTRAINT collected_pkey PRIMARY KEY (collection, file);
ALTER TABLE ONLY lcagent_server.collections
    ADD CONSTRAINT collections_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_server.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (job, seq);
ALTER TABLE ONLY lcagent_server.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_server.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_server.keys
    ADD CONSTRAINT keys_hash_key UNIQUE (hash);
ALTER TABLE ONLY lcagent_server.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY lcagent_server.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY lcagent_server.pieces
    ADD CONSTRAINT pieces_pkey PRIMARY KEY (file, seq);
ALTER TABLE ONLY lcagent_server.spent
    ADD CONSTRAINT spent_pkey PRIMARY KEY (tenant, day);
ALTER TABLE ONLY "lcagent_server_/team-a".attached
    ADD CONSTRAINT attached_pkey PRIMARY KEY (session, file);
ALTER TABLE ONLY "lcagent_server_/team-a".collected
    ADD CONSTRAINT collected_pkey PRIMARY KEY (collection, file);
ALTER TABLE ONLY "lcagent_server_/team-a".collections
    ADD CONSTRAINT collections_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "lcagent_server_/team-a".events
    ADD CONSTRAINT events_pkey PRIMARY KEY (job, seq);
ALTER TABLE ONLY "lcagent_server_/team-a".files
    ADD CONSTRAINT files_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "lcagent_server_/team-a".jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "lcagent_server_/team-a".keys
    ADD CONSTRAINT keys_hash_key UNIQUE (hash);
ALTER TABLE ONLY "lcagent_server_/team-a".keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "lcagent_server_/team-a".leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY "lcagent_server_/team-a".pieces
    ADD CONSTRAINT pieces_pkey PRIMARY KEY (file, seq);
ALTER TABLE ONLY "lcagent_server_/team-a".spent
    ADD CONSTRAINT spent_pkey PRIMARY KEY (tenant, day);
ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);
ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);
CREATE INDEX closings_by ON lcagent_memory.closings USING btree (by);
CREATE UNIQUE INDEX entries_key ON lcagent_memory.entries USING btree (tenant, session, key) WHERE (key IS NOT NULL);
CREATE INDEX entries_kind ON lcagent_memory.entries USING btree (tenant, session, kind, id);
CREATE INDEX entries_name ON lcagent_memory.entries USING btree (tenant, session, name, id) WHERE (kind = 'block'::text);
CREATE INDEX entries_valid ON lcagent_memory.entries USING btree (tenant, valid);
CREATE INDEX items_entry ON lcagent_memory.items USING btree (entry) WHERE (entry IS NOT NULL);
CREATE INDEX items_expires ON lcagent_memory.items USING btree (tenant, expires) WHERE (expires IS NOT NULL);
CREATE INDEX rests_source ON lcagent_memory.rests USING btree (source);
CREATE INDEX checkpoint_blobs_thread_id_idx ON lcagent_runs.checkpoint_blobs USING btree (thread_id);
CREATE INDEX checkpoint_writes_thread_id_idx ON lcagent_runs.checkpoint_writes USING btree (thread_id);
CREATE INDEX checkpoints_thread_id_idx ON lcagent_runs.checkpoints USING btree (thread_id);
CREATE INDEX facts_terms ON lcagent_runs.facts USING gin (terms);
CREATE INDEX merges_target ON lcagent_runs.merges USING btree (work, target);
CREATE INDEX runs_key ON lcagent_runs.runs USING btree (key, created);
CREATE INDEX uses_work ON lcagent_runs.uses USING btree (work);
CREATE INDEX files_sha256 ON lcagent_server.files USING btree (sha256, name);
CREATE INDEX jobs_created ON lcagent_server.jobs USING btree (created);
CREATE INDEX files_sha256 ON "lcagent_server_/team-a".files USING btree (sha256, name);
CREATE INDEX jobs_created ON "lcagent_server_/team-a".jobs USING btree (created);
CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));
CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);
CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);
CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));
CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);
CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);
CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);
CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);
CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);
CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();
CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();
CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();
CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();
CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();
CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();
CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();
ALTER TABLE ONLY lcagent_memory.closings
    ADD CONSTRAINT closings_by_fkey FOREIGN KEY (by) REFERENCES lcagent_memory.entries(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_memory.closings
    ADD CONSTRAINT closings_entry_fkey FOREIGN KEY (entry) REFERENCES lcagent_memory.entries(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_memory.items
    ADD CONSTRAINT items_entry_fkey FOREIGN KEY (entry) REFERENCES lcagent_memory.entries(id) ON DELETE SET NULL;
ALTER TABLE ONLY lcagent_memory.rests
    ADD CONSTRAINT rests_entry_fkey FOREIGN KEY (entry) REFERENCES lcagent_memory.entries(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_memory.rests
    ADD CONSTRAINT rests_source_fkey FOREIGN KEY (source) REFERENCES lcagent_memory.entries(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.documents
    ADD CONSTRAINT documents_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.elements
    ADD CONSTRAINT elements_fact_fkey FOREIGN KEY (fact) REFERENCES lcagent_runs.facts(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.extracted
    ADD CONSTRAINT extracted_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.facts
    ADD CONSTRAINT facts_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.files
    ADD CONSTRAINT files_run_fkey FOREIGN KEY (run) REFERENCES lcagent_runs.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.findings
    ADD CONSTRAINT findings_run_fkey FOREIGN KEY (run) REFERENCES lcagent_runs.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.items
    ADD CONSTRAINT items_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.labelled
    ADD CONSTRAINT labelled_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.mentions
    ADD CONSTRAINT mentions_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.merges
    ADD CONSTRAINT merges_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.node_words
    ADD CONSTRAINT node_words_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.nodes
    ADD CONSTRAINT nodes_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.segmentations
    ADD CONSTRAINT segmentations_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.uses
    ADD CONSTRAINT uses_run_fkey FOREIGN KEY (run) REFERENCES lcagent_runs.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.uses
    ADD CONSTRAINT uses_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_runs.vectors
    ADD CONSTRAINT vectors_work_fkey FOREIGN KEY (work) REFERENCES lcagent_runs.works(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_server.attached
    ADD CONSTRAINT attached_file_fkey FOREIGN KEY (file) REFERENCES lcagent_server.files(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_server.collected
    ADD CONSTRAINT collected_collection_fkey FOREIGN KEY (collection) REFERENCES lcagent_server.collections(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_server.collected
    ADD CONSTRAINT collected_file_fkey FOREIGN KEY (file) REFERENCES lcagent_server.files(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_server.events
    ADD CONSTRAINT events_job_fkey FOREIGN KEY (job) REFERENCES lcagent_server.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY lcagent_server.pieces
    ADD CONSTRAINT pieces_file_fkey FOREIGN KEY (file) REFERENCES lcagent_server.files(id) ON DELETE CASCADE;
ALTER TABLE ONLY "lcagent_server_/team-a".attached
    ADD CONSTRAINT attached_file_fkey FOREIGN KEY (file) REFERENCES "lcagent_server_/team-a".files(id) ON DELETE CASCADE;
ALTER TABLE ONLY "lcagent_server_/team-a".collected
    ADD CONSTRAINT collected_collection_fkey FOREIGN KEY (collection) REFERENCES "lcagent_server_/team-a".collections(id) ON DELETE CASCADE;
ALTER TABLE ONLY "lcagent_server_/team-a".collected
    ADD CONSTRAINT collected_file_fkey FOREIGN KEY (file) REFERENCES "lcagent_server_/team-a".files(id) ON DELETE CASCADE;
ALTER TABLE ONLY "lcagent_server_/team-a".events
    ADD CONSTRAINT events_job_fkey FOREIGN KEY (job) REFERENCES "lcagent_server_/team-a".jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY "lcagent_server_/team-a".pieces
    ADD CONSTRAINT pieces_file_fkey FOREIGN KEY (file) REFERENCES "lcagent_server_/team-a".files(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);
