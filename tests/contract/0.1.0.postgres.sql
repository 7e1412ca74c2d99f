--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

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

--
-- Name: pg_trgm; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;


--
-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.changes (
    revision bigint NOT NULL,
    ordinal integer NOT NULL,
    nonce bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL COLLATE pg_catalog."C",
    actor_name text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    comment text NOT NULL COLLATE pg_catalog."C",
    subject_kind text NOT NULL COLLATE pg_catalog."C",
    subject_id text NOT NULL COLLATE pg_catalog."C",
    before text COLLATE pg_catalog."C",
    after text COLLATE pg_catalog."C"
);


--
-- Name: key_methods; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.key_methods (
    key_id text NOT NULL COLLATE pg_catalog."C",
    method_number integer NOT NULL
);


--
-- Name: key_stores; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.key_stores (
    key_id text NOT NULL COLLATE pg_catalog."C",
    store_number integer NOT NULL
);


--
-- Name: key_uses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.key_uses (
    key_id text NOT NULL COLLATE pg_catalog."C",
    last_used_at bigint NOT NULL
);


--
-- Name: keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.keys (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    comment text NOT NULL COLLATE pg_catalog."C",
    active boolean NOT NULL,
    revoked_at bigint,
    revoked_reason text COLLATE pg_catalog."C",
    all_stores boolean NOT NULL,
    all_methods boolean NOT NULL,
    not_before bigint,
    expires_at bigint,
    networks text NOT NULL COLLATE pg_catalog."C",
    labels text NOT NULL COLLATE pg_catalog."C",
    search text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    row_revision bigint NOT NULL,
    deleted_revision bigint,
    usable boolean GENERATED ALWAYS AS ((active AND (revoked_at IS NULL))) STORED,
    revoked boolean GENERATED ALWAYS AS ((revoked_at IS NOT NULL)) STORED
);


--
-- Name: latchkey_migrating; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.latchkey_migrating (
);


--
-- Name: meta; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.meta (
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: methods; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.methods (
    number integer NOT NULL,
    identity text NOT NULL COLLATE pg_catalog."C",
    block text NOT NULL COLLATE pg_catalog."C",
    summary text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL COLLATE pg_catalog."C",
    store_use text NOT NULL COLLATE pg_catalog."C",
    store_places text NOT NULL COLLATE pg_catalog."C",
    scope text COLLATE pg_catalog."C",
    "position" integer NOT NULL,
    search text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    row_revision bigint NOT NULL,
    retired_revision bigint
);


--
-- Name: methods_number_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.methods ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.methods_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: operators; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.operators (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    hint text NOT NULL COLLATE pg_catalog."C",
    expires_at bigint,
    revoked_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    row_revision bigint NOT NULL
);


--
-- Name: refinery_schema_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.refinery_schema_history (
    version bigint NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);


--
-- Name: replicas; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.replicas (
    id text NOT NULL COLLATE pg_catalog."C",
    host text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    started_at bigint NOT NULL,
    applied bigint NOT NULL,
    reported_at bigint NOT NULL
);


--
-- Name: requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.requests (
    actor text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C",
    key_id text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);


--
-- Name: revision; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.revision (
    one integer NOT NULL,
    value bigint NOT NULL,
    nonce bigint NOT NULL,
    CONSTRAINT revision_one_check CHECK ((one = 1))
);


--
-- Name: secret_uses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.secret_uses (
    secret_id text NOT NULL COLLATE pg_catalog."C",
    last_used_at bigint NOT NULL
);


--
-- Name: secrets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.secrets (
    id text NOT NULL COLLATE pg_catalog."C",
    key_id text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    hint text NOT NULL COLLATE pg_catalog."C",
    origin text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    expires_at bigint,
    ended_at bigint,
    created_revision bigint NOT NULL
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    digest bytea NOT NULL,
    operator_id text NOT NULL COLLATE pg_catalog."C",
    operator_revision bigint NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL
);


--
-- Name: store_hosts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.store_hosts (
    host text NOT NULL COLLATE pg_catalog."C",
    store_number integer NOT NULL
);


--
-- Name: stores; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.stores (
    number integer NOT NULL,
    code text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    platform text NOT NULL COLLATE pg_catalog."C",
    hosts text NOT NULL COLLATE pg_catalog."C",
    active boolean NOT NULL,
    search text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    row_revision bigint NOT NULL,
    deleted_revision bigint
);


--
-- Name: stores_number_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.stores ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.stores_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: usage_daily; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_daily (
    key_id text NOT NULL COLLATE pg_catalog."C",
    start bigint NOT NULL,
    method_number integer NOT NULL,
    store_number integer NOT NULL,
    allowed boolean NOT NULL,
    calls bigint NOT NULL
);


--
-- Name: usage_hourly; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_hourly (
    key_id text NOT NULL COLLATE pg_catalog."C",
    start bigint NOT NULL,
    method_number integer NOT NULL,
    store_number integer NOT NULL,
    allowed boolean NOT NULL,
    calls bigint NOT NULL
);


--
-- Data for Name: changes; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.changes (revision, ordinal, nonce, at, actor, actor_name, action, comment, subject_kind, subject_id, before, after) FROM stdin;
1	0	718108405800697382	1796073929312170	system	system	create	first start	operator	op_01a22e59-3a60-7292-8327-2be347b9f83e	\N	{"expires":null,"hint":"BRsh","id":"op_01a22e59-3a60-7292-8327-2be347b9f83e","name":"admin","revoked":null,"role":"admin"}
2	0	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/api-versions	\N	{"block":"Account and API","description":"The path has no version.","method":"GET /api/api-versions","position":1,"scope":null,"store_places":[],"store_use":"none","summary":"List the API versions this account serves"}
2	1	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/credentials	\N	{"block":"Account and API","description":"The path has no version; one widely used module asks /api/v5/credentials instead, which is not in this book. Modules read from the answer which methods and stores their key has.","method":"GET /api/credentials","position":2,"scope":null,"store_places":[],"store_use":"none","summary":"Show what the calling key may do"}
2	2	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/system-info	\N	{"block":"Account and API","description":"The path has no version.","method":"GET /api/system-info","position":3,"scope":null,"store_places":[],"store_use":"none","summary":"Show system version and public addresses"}
2	3	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/costs	\N	{"block":"Costs","description":"","method":"GET /api/v*/costs","position":4,"scope":"cost_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List costs by filter"}
2	4	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/costs/create	\N	{"block":"Costs","description":"","method":"POST /api/v*/costs/create","position":5,"scope":"cost_write","store_places":["form:site","query:site","json:site","form:cost#/sites/-","json:cost#/sites/-"],"store_use":"optional","summary":"Create one cost"}
2	5	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/costs/delete	\N	{"block":"Costs","description":"","method":"POST /api/v*/costs/delete","position":6,"scope":"cost_write","store_places":[],"store_use":"none","summary":"Delete several costs at once"}
2	6	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/costs/upload	\N	{"block":"Costs","description":"","method":"POST /api/v*/costs/upload","position":7,"scope":"cost_write","store_places":["form:costs#/-/sites/-","json:costs#/-/sites/-"],"store_use":"optional","summary":"Create costs in bulk"}
2	7	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/costs/{id}	\N	{"block":"Costs","description":"","method":"GET /api/v*/costs/{id}","position":8,"scope":"cost_read","store_places":[],"store_use":"none","summary":"Get one cost"}
2	8	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/costs/{id}/edit	\N	{"block":"Costs","description":"","method":"POST /api/v*/costs/{id}/edit","position":9,"scope":"cost_write","store_places":["form:site","query:site","json:site","form:cost#/sites/-","json:cost#/sites/-"],"store_use":"optional","summary":"Change one cost"}
2	9	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/costs/{id}/delete	\N	{"block":"Costs","description":"","method":"POST /api/v*/costs/{id}/delete","position":10,"scope":"cost_write","store_places":[],"store_use":"none","summary":"Delete one cost"}
2	10	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/custom-fields	\N	{"block":"Custom fields","description":"","method":"GET /api/v*/custom-fields","position":11,"scope":"custom_fields_read","store_places":[],"store_use":"none","summary":"List custom fields by filter"}
2	11	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/custom-fields/dictionaries	\N	{"block":"Custom fields","description":"","method":"GET /api/v*/custom-fields/dictionaries","position":12,"scope":"custom_fields_read","store_places":[],"store_use":"none","summary":"List custom dictionaries by filter"}
2	12	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/custom-fields/dictionaries/create	\N	{"block":"Custom fields","description":"","method":"POST /api/v*/custom-fields/dictionaries/create","position":13,"scope":"custom_fields_write","store_places":[],"store_use":"none","summary":"Create a custom dictionary"}
2	13	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/custom-fields/dictionaries/{code}	\N	{"block":"Custom fields","description":"","method":"GET /api/v*/custom-fields/dictionaries/{code}","position":14,"scope":"custom_fields_read","store_places":[],"store_use":"none","summary":"Get one custom dictionary"}
2	14	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/custom-fields/dictionaries/{code}/edit	\N	{"block":"Custom fields","description":"","method":"POST /api/v*/custom-fields/dictionaries/{code}/edit","position":15,"scope":"custom_fields_write","store_places":[],"store_use":"none","summary":"Change one custom dictionary"}
2	15	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/custom-fields/{entity}/create	\N	{"block":"Custom fields","description":"","method":"POST /api/v*/custom-fields/{entity}/create","position":16,"scope":"custom_fields_write","store_places":[],"store_use":"none","summary":"Create a custom field for an entity type"}
2	16	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/custom-fields/{entity}/{code}	\N	{"block":"Custom fields","description":"","method":"GET /api/v*/custom-fields/{entity}/{code}","position":17,"scope":"custom_fields_read","store_places":[],"store_use":"none","summary":"Get one custom field"}
2	17	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/custom-fields/{entity}/{code}/edit	\N	{"block":"Custom fields","description":"","method":"POST /api/v*/custom-fields/{entity}/{code}/edit","position":18,"scope":"custom_fields_write","store_places":[],"store_use":"none","summary":"Change one custom field"}
2	18	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customer-interaction/{site}/cart/clear	\N	{"block":"Customer interaction","description":"With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.","method":"POST /api/v*/customer-interaction/{site}/cart/clear","position":19,"scope":null,"store_places":["path:site","form:cart#/customer/site","json:cart#/customer/site"],"store_use":"required","summary":"Empty a customer's cart in a store"}
2	19	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customer-interaction/{site}/cart/set	\N	{"block":"Customer interaction","description":"With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.","method":"POST /api/v*/customer-interaction/{site}/cart/set","position":20,"scope":null,"store_places":["path:site","form:cart#/customer/site","json:cart#/customer/site"],"store_use":"required","summary":"Create or replace a customer's cart"}
2	20	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customer-interaction/{site}/cart/{customerId}	\N	{"block":"Customer interaction","description":"With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.","method":"GET /api/v*/customer-interaction/{site}/cart/{customerId}","position":21,"scope":null,"store_places":["path:site"],"store_use":"required","summary":"Get a customer's current cart"}
2	21	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customer-interaction/{site}/favorites/{customerId}	\N	{"block":"Customer interaction","description":"With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.","method":"GET /api/v*/customer-interaction/{site}/favorites/{customerId}","position":22,"scope":null,"store_places":["path:site"],"store_use":"required","summary":"List a customer's favourite offers"}
2	22	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customer-interaction/{site}/favorites/{customerId}/add	\N	{"block":"Customer interaction","description":"With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.","method":"POST /api/v*/customer-interaction/{site}/favorites/{customerId}/add","position":23,"scope":null,"store_places":["path:site"],"store_use":"required","summary":"Add an offer to favourites"}
2	23	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customer-interaction/{site}/favorites/{customerId}/remove	\N	{"block":"Customer interaction","description":"With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.","method":"POST /api/v*/customer-interaction/{site}/favorites/{customerId}/remove","position":24,"scope":null,"store_places":["path:site"],"store_use":"required","summary":"Remove an offer from favourites"}
2	24	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers	\N	{"block":"Customers","description":"","method":"GET /api/v*/customers","position":25,"scope":"customer_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List customers by filter"}
2	25	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/combine	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/combine","position":26,"scope":"customer_write","store_places":[],"store_use":"none","summary":"Merge several customers into one"}
2	26	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/create	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/create","position":27,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:customer#/site","json:customer#/site"],"store_use":"required","summary":"Create a customer"}
2	27	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/fix-external-ids	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/fix-external-ids","position":28,"scope":"customer_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Set external IDs for many customers"}
2	28	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers/history	\N	{"block":"Customers","description":"","method":"GET /api/v*/customers/history","position":29,"scope":"customer_read","store_places":[],"store_use":"none","summary":"Read customer change history"}
2	29	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers/notes	\N	{"block":"Customers","description":"","method":"GET /api/v*/customers/notes","position":30,"scope":"customer_read","store_places":[],"store_use":"none","summary":"List customer notes"}
2	30	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/notes/create	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/notes/create","position":31,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:note#/customer/site","json:note#/customer/site"],"store_use":"optional","summary":"Add a note to a customer"}
2	31	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/notes/{id}/delete	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/notes/{id}/delete","position":32,"scope":"customer_write","store_places":[],"store_use":"none","summary":"Delete a customer note"}
2	32	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/upload	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/upload","position":33,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:customers#/-/site","json:customers#/-/site"],"store_use":"required","summary":"Create customers in bulk"}
2	33	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers/{externalId}	\N	{"block":"Customers","description":"","method":"GET /api/v*/customers/{externalId}","position":34,"scope":"customer_read","store_places":["query:site"],"store_use":"optional","summary":"Get one customer"}
2	34	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/{externalId}/edit	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/{externalId}/edit","position":35,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:customer#/site","json:customer#/site"],"store_use":"optional","summary":"Change one customer"}
2	35	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers/{externalId}/subscriptions	\N	{"block":"Customers","description":"","method":"POST /api/v*/customers/{externalId}/subscriptions","position":36,"scope":"customer_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Change a customer's mailing subscriptions"}
2	36	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers-corporate	\N	{"block":"Corporate customers","description":"","method":"GET /api/v*/customers-corporate","position":37,"scope":"customer_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List corporate customers by filter"}
2	37	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/combine	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/combine","position":38,"scope":"customer_write","store_places":[],"store_use":"none","summary":"Merge corporate customers into one"}
2	38	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/create	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/create","position":39,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:customerCorporate#/site","json:customerCorporate#/site","form:customerCorporate#/customerContacts/-/customer/site","json:customerCorporate#/customerContacts/-/customer/site"],"store_use":"required","summary":"Create a corporate customer"}
2	39	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/fix-external-ids	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/fix-external-ids","position":40,"scope":"customer_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Set external IDs for many corporate customers"}
2	40	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers-corporate/history	\N	{"block":"Corporate customers","description":"","method":"GET /api/v*/customers-corporate/history","position":41,"scope":"customer_read","store_places":[],"store_use":"none","summary":"Read corporate customer change history"}
2	41	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers-corporate/notes	\N	{"block":"Corporate customers","description":"","method":"GET /api/v*/customers-corporate/notes","position":42,"scope":"customer_read","store_places":[],"store_use":"none","summary":"List corporate customer notes"}
2	42	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/notes/create	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/notes/create","position":43,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:note#/customer/site","json:note#/customer/site"],"store_use":"optional","summary":"Add a note to a corporate customer"}
2	43	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/notes/{id}/delete	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/notes/{id}/delete","position":44,"scope":"customer_write","store_places":[],"store_use":"none","summary":"Delete a corporate customer note"}
2	44	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/upload	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/upload","position":45,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:customersCorporate#/-/site","json:customersCorporate#/-/site","form:customersCorporate#/-/customerContacts/-/customer/site","json:customersCorporate#/-/customerContacts/-/customer/site"],"store_use":"required","summary":"Create corporate customers in bulk"}
2	45	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers-corporate/{externalId}	\N	{"block":"Corporate customers","description":"","method":"GET /api/v*/customers-corporate/{externalId}","position":46,"scope":"customer_read","store_places":["query:site"],"store_use":"optional","summary":"Get one corporate customer"}
2	46	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers-corporate/{externalId}/addresses	\N	{"block":"Corporate customers","description":"","method":"GET /api/v*/customers-corporate/{externalId}/addresses","position":47,"scope":"customer_read","store_places":["query:site"],"store_use":"optional","summary":"List a corporate customer's addresses"}
2	47	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/{externalId}/addresses/create	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/{externalId}/addresses/create","position":48,"scope":"customer_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Add an address to a corporate customer"}
2	48	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/{externalId}/addresses/{entityExternalId}/edit	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/{externalId}/addresses/{entityExternalId}/edit","position":49,"scope":"customer_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Change an address of a corporate customer"}
2	49	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers-corporate/{externalId}/companies	\N	{"block":"Corporate customers","description":"","method":"GET /api/v*/customers-corporate/{externalId}/companies","position":50,"scope":"customer_read","store_places":["query:site"],"store_use":"optional","summary":"List a corporate customer's companies"}
2	50	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/{externalId}/companies/create	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/{externalId}/companies/create","position":51,"scope":"customer_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Add a company to a corporate customer"}
2	51	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/{externalId}/companies/{entityExternalId}/edit	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/{externalId}/companies/{entityExternalId}/edit","position":52,"scope":"customer_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Change a company of a corporate customer"}
2	52	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/customers-corporate/{externalId}/contacts	\N	{"block":"Corporate customers","description":"","method":"GET /api/v*/customers-corporate/{externalId}/contacts","position":53,"scope":"customer_read","store_places":["query:site"],"store_use":"optional","summary":"List a corporate customer's contact persons"}
2	71	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/integration-modules/{code}	\N	{"block":"Integration modules","description":"","method":"GET /api/v*/integration-modules/{code}","position":72,"scope":"integration_read","store_places":[],"store_use":"none","summary":"Get one integration module"}
2	53	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/{externalId}/contacts/create	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/{externalId}/contacts/create","position":54,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:contact#/customer/site","json:contact#/customer/site"],"store_use":"optional","summary":"Link a contact person to a corporate customer"}
2	54	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/{externalId}/contacts/{entityExternalId}/edit	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/{externalId}/contacts/{entityExternalId}/edit","position":55,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:contact#/customer/site","json:contact#/customer/site"],"store_use":"optional","summary":"Change the link to a contact person"}
2	55	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/customers-corporate/{externalId}/edit	\N	{"block":"Corporate customers","description":"","method":"POST /api/v*/customers-corporate/{externalId}/edit","position":56,"scope":"customer_write","store_places":["form:site","query:site","json:site","form:customerCorporate#/site","json:customerCorporate#/site","form:customerCorporate#/customerContacts/-/customer/site","json:customerCorporate#/customerContacts/-/customer/site"],"store_use":"optional","summary":"Change one corporate customer"}
2	56	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/delivery/calculate	\N	{"block":"Delivery","description":"","method":"POST /api/v*/delivery/calculate","position":57,"scope":"delivery_write","store_places":[],"store_use":"none","summary":"Price delivery options for an order"}
2	57	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/delivery/generic/{code}/tracking	\N	{"block":"Delivery","description":"As lists of what a key may do call it; newer clients call the parameter {subcode}.","method":"POST /api/v*/delivery/generic/{code}/tracking","position":58,"scope":"delivery_write","store_places":[],"store_use":"none","summary":"Report delivery status changes"}
2	58	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/delivery/generic/setting/{code}	\N	{"block":"Delivery","description":"Version 4 only; newer versions use integration-modules.","method":"GET /api/v*/delivery/generic/setting/{code}","position":59,"scope":"delivery_read","store_places":[],"store_use":"none","summary":"Get delivery integration settings"}
2	59	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/delivery/generic/setting/{code}/edit	\N	{"block":"Delivery","description":"Version 4 only; newer versions use integration-modules.","method":"POST /api/v*/delivery/generic/setting/{code}/edit","position":60,"scope":"delivery_write","store_places":[],"store_use":"none","summary":"Change delivery integration settings"}
2	60	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/delivery/shipments	\N	{"block":"Delivery","description":"","method":"GET /api/v*/delivery/shipments","position":61,"scope":"delivery_read","store_places":[],"store_use":"none","summary":"List shipments by filter"}
2	61	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/delivery/shipments/create	\N	{"block":"Delivery","description":"","method":"POST /api/v*/delivery/shipments/create","position":62,"scope":"delivery_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Create a shipment"}
2	62	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/delivery/shipments/{id}	\N	{"block":"Delivery","description":"","method":"GET /api/v*/delivery/shipments/{id}","position":63,"scope":"delivery_read","store_places":[],"store_use":"none","summary":"Get one shipment"}
2	63	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/delivery/shipments/{id}/edit	\N	{"block":"Delivery","description":"One client library posts to delivery/shipment/{id}/edit by mistake; that path is not in this book.","method":"POST /api/v*/delivery/shipments/{id}/edit","position":64,"scope":"delivery_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Change one shipment"}
2	64	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/features/check	\N	{"block":"System features","description":"","method":"GET /api/v*/features/check","position":65,"scope":null,"store_places":[],"store_use":"none","summary":"Check which system features are enabled"}
2	65	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/files	\N	{"block":"Files","description":"","method":"GET /api/v*/files","position":66,"scope":"file_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List files by filter"}
2	66	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/files/upload	\N	{"block":"Files","description":"The body is the raw content of the file, so that the store travels in the query.","method":"POST /api/v*/files/upload","position":67,"scope":"file_write","store_places":["query:site"],"store_use":"optional","summary":"Upload a file"}
2	67	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/files/{id}	\N	{"block":"Files","description":"","method":"GET /api/v*/files/{id}","position":68,"scope":"file_read","store_places":[],"store_use":"none","summary":"Get file details"}
2	68	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/files/{id}/delete	\N	{"block":"Files","description":"","method":"POST /api/v*/files/{id}/delete","position":69,"scope":"file_write","store_places":[],"store_use":"none","summary":"Delete a file"}
2	69	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/files/{id}/download	\N	{"block":"Files","description":"Answers with the binary content of the file, not with JSON.","method":"GET /api/v*/files/{id}/download","position":70,"scope":"file_read","store_places":[],"store_use":"none","summary":"Download file content"}
2	70	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/files/{id}/edit	\N	{"block":"Files","description":"","method":"POST /api/v*/files/{id}/edit","position":71,"scope":"file_write","store_places":["form:file#/attachment/-/customer/site","json:file#/attachment/-/customer/site","form:file#/attachment/-/order/site","json:file#/attachment/-/order/site"],"store_use":"optional","summary":"Change file details"}
2	72	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/integration-modules/{code}/edit	\N	{"block":"Integration modules","description":"","method":"POST /api/v*/integration-modules/{code}/edit","position":73,"scope":"integration_write","store_places":[],"store_use":"none","summary":"Create or change an integration module"}
2	73	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/integration-modules/{code}/update-scopes	\N	{"block":"Integration modules","description":"Answers with a new key for the module.","method":"POST /api/v*/integration-modules/{code}/update-scopes","position":74,"scope":"integration_write","store_places":[],"store_use":"none","summary":"Change the scopes of a module's key"}
2	74	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/loyalty/account/create	\N	{"block":"Loyalty program","description":"","method":"POST /api/v*/loyalty/account/create","position":75,"scope":"loyalty_write","store_places":["form:site","query:site","json:site","form:loyaltyAccount#/customer/site","json:loyaltyAccount#/customer/site"],"store_use":"optional","summary":"Enrol a customer in a loyalty program"}
2	75	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/loyalty/account/{id}	\N	{"block":"Loyalty program","description":"","method":"GET /api/v*/loyalty/account/{id}","position":76,"scope":"loyalty_read","store_places":[],"store_use":"none","summary":"Get one loyalty enrolment"}
2	76	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/loyalty/account/{id}/activate	\N	{"block":"Loyalty program","description":"","method":"POST /api/v*/loyalty/account/{id}/activate","position":77,"scope":"loyalty_write","store_places":[],"store_use":"none","summary":"Activate a loyalty enrolment"}
2	77	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/loyalty/account/{id}/bonus/charge	\N	{"block":"Loyalty program","description":"","method":"POST /api/v*/loyalty/account/{id}/bonus/charge","position":78,"scope":"loyalty_write","store_places":[],"store_use":"none","summary":"Write off bonuses"}
2	78	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/loyalty/account/{id}/bonus/credit	\N	{"block":"Loyalty program","description":"","method":"POST /api/v*/loyalty/account/{id}/bonus/credit","position":79,"scope":"loyalty_write","store_places":[],"store_use":"none","summary":"Grant bonuses"}
2	79	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/loyalty/account/{id}/bonus/operations	\N	{"block":"Loyalty program","description":"","method":"GET /api/v*/loyalty/account/{id}/bonus/operations","position":80,"scope":"loyalty_read","store_places":[],"store_use":"none","summary":"List bonus movements of one enrolment"}
2	80	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/loyalty/account/{id}/bonus/{status}/details	\N	{"block":"Loyalty program","description":"","method":"GET /api/v*/loyalty/account/{id}/bonus/{status}/details","position":81,"scope":"loyalty_read","store_places":[],"store_use":"none","summary":"Show the bonuses of one enrolment in a given state, with dates"}
2	81	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/loyalty/account/{id}/edit	\N	{"block":"Loyalty program","description":"","method":"POST /api/v*/loyalty/account/{id}/edit","position":82,"scope":"loyalty_write","store_places":[],"store_use":"none","summary":"Change a loyalty enrolment"}
2	82	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/loyalty/accounts	\N	{"block":"Loyalty program","description":"","method":"GET /api/v*/loyalty/accounts","position":83,"scope":"loyalty_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List loyalty enrolments by filter"}
2	83	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/loyalty/bonus/operations	\N	{"block":"Loyalty program","description":"","method":"GET /api/v*/loyalty/bonus/operations","position":84,"scope":"loyalty_read","store_places":[],"store_use":"none","summary":"List bonus movements over all enrolments"}
2	84	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/loyalty/calculate	\N	{"block":"Loyalty program","description":"","method":"POST /api/v*/loyalty/calculate","position":85,"scope":"loyalty_write","store_places":["form:site","query:site","json:site","form:order#/customer/site","json:order#/customer/site"],"store_use":"optional","summary":"Compute discount and bonuses for an order"}
2	85	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/loyalty/loyalties	\N	{"block":"Loyalty program","description":"","method":"GET /api/v*/loyalty/loyalties","position":86,"scope":"loyalty_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List loyalty programs"}
2	86	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/loyalty/loyalties/{id}	\N	{"block":"Loyalty program","description":"","method":"GET /api/v*/loyalty/loyalties/{id}","position":87,"scope":"loyalty_read","store_places":[],"store_use":"none","summary":"Get one loyalty program"}
2	87	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/marketplace/external/setting/{code}/edit	\N	{"block":"Marketplace modules","description":"Version 4 only.","method":"POST /api/v*/marketplace/external/setting/{code}/edit","position":88,"scope":null,"store_places":[],"store_use":"none","summary":"Register or change a marketplace module"}
2	88	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/notifications/send	\N	{"block":"Notifications","description":"","method":"POST /api/v*/notifications/send","position":89,"scope":null,"store_places":[],"store_use":"none","summary":"Send a notification to system users"}
2	89	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders	\N	{"block":"Orders","description":"","method":"GET /api/v*/orders","position":90,"scope":"order_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List orders by filter"}
2	90	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/combine	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/combine","position":91,"scope":"order_write","store_places":[],"store_use":"none","summary":"Merge two orders"}
2	110	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/packs/{id}/delete	\N	{"block":"Order packing","description":"","method":"POST /api/v*/orders/packs/{id}/delete","position":111,"scope":"order_write","store_places":[],"store_use":"none","summary":"Delete a pack"}
2	91	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/create	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/create","position":92,"scope":"order_write","store_places":["form:site","query:site","json:site","form:order#/site","json:order#/site","form:order#/customer/site","json:order#/customer/site","form:order#/contact/site","json:order#/contact/site"],"store_use":"required","summary":"Create an order"}
2	92	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/fix-external-ids	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/fix-external-ids","position":93,"scope":"order_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Set external IDs for many orders"}
2	93	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders/history	\N	{"block":"Orders","description":"Version 3 reads by date, later versions by change number.","method":"GET /api/v*/orders/history","position":94,"scope":"order_read","store_places":[],"store_use":"none","summary":"Read order change history"}
2	94	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/links/create	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/links/create","position":95,"scope":"order_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Link orders to each other"}
2	95	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/loyalty/apply	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/loyalty/apply","position":96,"scope":"order_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Spend loyalty bonuses on an order"}
2	96	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/loyalty/cancel-bonus-operations	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/loyalty/cancel-bonus-operations","position":97,"scope":"order_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Undo an order's bonus movements"}
2	97	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/payments/create	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/payments/create","position":98,"scope":"order_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Add a payment to an order"}
2	98	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/payments/{id}/delete	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/payments/{id}/delete","position":99,"scope":"order_write","store_places":[],"store_use":"none","summary":"Delete an order payment"}
2	99	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/payments/{id}/edit	\N	{"block":"Orders","description":"The id may be an external one: see the parameter by.","method":"POST /api/v*/orders/payments/{id}/edit","position":100,"scope":"order_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Change an order payment"}
2	100	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders/statuses	\N	{"block":"Orders","description":"The one method a CPA network needs. A request carries only order numbers and names no store.","method":"GET /api/v*/orders/statuses","position":101,"scope":"order_read","store_places":[],"store_use":"none","summary":"Get current statuses of given orders"}
2	101	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/upload	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/upload","position":102,"scope":"order_write","store_places":["form:site","query:site","json:site","form:orders#/-/site","json:orders#/-/site","form:orders#/-/customer/site","json:orders#/-/customer/site","form:orders#/-/contact/site","json:orders#/-/contact/site"],"store_use":"required","summary":"Create orders in bulk"}
2	102	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders/{externalId}	\N	{"block":"Orders","description":"","method":"GET /api/v*/orders/{externalId}","position":103,"scope":"order_read","store_places":["query:site"],"store_use":"optional","summary":"Get one order"}
2	103	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/{externalId}/edit	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/{externalId}/edit","position":104,"scope":"order_write","store_places":["form:site","query:site","json:site","form:order#/site","json:order#/site","form:order#/customer/site","json:order#/customer/site","form:order#/contact/site","json:order#/contact/site"],"store_use":"optional","summary":"Change one order"}
2	104	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/{externalId}/delivery/cancel	\N	{"block":"Orders","description":"","method":"POST /api/v*/orders/{externalId}/delivery/cancel","position":105,"scope":"order_write","store_places":[],"store_use":"none","summary":"Cancel the delivery of an order at the delivery service"}
2	105	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders/{externalId}/plates/{plateId}/print	\N	{"block":"Orders","description":"Answers with a binary document, not with JSON.","method":"GET /api/v*/orders/{externalId}/plates/{plateId}/print","position":106,"scope":"order_read","store_places":["query:site"],"store_use":"optional","summary":"Download a printed form of an order"}
2	106	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders/packs	\N	{"block":"Order packing","description":"","method":"GET /api/v*/orders/packs","position":107,"scope":"order_read","store_places":[],"store_use":"none","summary":"List packs by filter"}
2	107	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/packs/create	\N	{"block":"Order packing","description":"","method":"POST /api/v*/orders/packs/create","position":108,"scope":"order_write","store_places":[],"store_use":"none","summary":"Create a pack"}
2	108	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders/packs/history	\N	{"block":"Order packing","description":"","method":"GET /api/v*/orders/packs/history","position":109,"scope":"order_read","store_places":[],"store_use":"none","summary":"Read pack change history"}
2	109	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/orders/packs/{id}	\N	{"block":"Order packing","description":"","method":"GET /api/v*/orders/packs/{id}","position":110,"scope":"order_read","store_places":[],"store_use":"none","summary":"Get one pack"}
2	111	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/orders/packs/{id}/edit	\N	{"block":"Order packing","description":"","method":"POST /api/v*/orders/packs/{id}/edit","position":112,"scope":"order_write","store_places":[],"store_use":"none","summary":"Change a pack"}
2	112	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/payment/check	\N	{"block":"Payment invoices","description":"Payment modules also write it as /api/payment/(updateInvoice|check).","method":"POST /api/v*/payment/check","position":113,"scope":"payments_write","store_places":[],"store_use":"none","summary":"Check whether an invoice may be paid"}
2	113	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/payment/create-invoice	\N	{"block":"Payment invoices","description":"","method":"POST /api/v*/payment/create-invoice","position":114,"scope":"payments_write","store_places":[],"store_use":"none","summary":"Create an invoice"}
2	114	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/payment/update-invoice	\N	{"block":"Payment invoices","description":"Payment modules also write it as /api/payment/(updateInvoice|check).","method":"POST /api/v*/payment/update-invoice","position":115,"scope":"payments_write","store_places":[],"store_use":"none","summary":"Report invoice state changes"}
2	115	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/payment/invoice/import	\N	{"block":"Payment invoices","description":"","method":"POST /api/v*/payment/invoice/import","position":116,"scope":"payments_write","store_places":[],"store_use":"none","summary":"Import an existing invoice"}
2	116	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/payment/invoice/{invoiceUuid}	\N	{"block":"Payment invoices","description":"","method":"GET /api/v*/payment/invoice/{invoiceUuid}","position":117,"scope":"payments_read","store_places":[],"store_use":"none","summary":"Get one invoice"}
2	117	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/cost-groups	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/cost-groups","position":118,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List cost groups"}
2	118	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/cost-groups/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/cost-groups/{code}/edit","position":119,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a cost group"}
2	119	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/cost-items	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/cost-items","position":120,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List cost items"}
2	120	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/cost-items/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/cost-items/{code}/edit","position":121,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a cost item"}
2	121	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/countries	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/countries","position":122,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List available country codes"}
2	122	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/couriers	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/couriers","position":123,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List couriers"}
2	123	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/couriers/create	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/couriers/create","position":124,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create a courier"}
2	124	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/couriers/{id}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/couriers/{id}/edit","position":125,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Change a courier"}
2	125	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/currencies	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/currencies","position":126,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List currencies"}
2	126	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/currencies/create	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/currencies/create","position":127,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create a currency"}
2	127	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/currencies/{id}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/currencies/{id}/edit","position":128,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Change a currency"}
2	128	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/delivery-services	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/delivery-services","position":129,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List delivery services"}
2	129	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/delivery-services/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/delivery-services/{code}/edit","position":130,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a delivery service"}
2	130	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/delivery-types	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/delivery-types","position":131,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List delivery types"}
2	191	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/users/{id}	\N	{"block":"Users","description":"","method":"GET /api/v*/users/{id}","position":192,"scope":"user_read","store_places":[],"store_use":"none","summary":"Get one user"}
2	131	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/delivery-types/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/delivery-types/{code}/edit","position":132,"scope":"reference_write","store_places":["form:deliveryType#/sites/-","json:deliveryType#/sites/-"],"store_use":"optional","summary":"Create or change a delivery type"}
2	132	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/legal-entities	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/legal-entities","position":133,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List legal entities"}
2	133	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/legal-entities/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/legal-entities/{code}/edit","position":134,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a legal entity"}
2	134	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/mg-channels	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/mg-channels","position":135,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List messaging channels"}
2	135	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/mg-channels/templates	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/mg-channels/templates","position":136,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List the message templates of a messaging channel"}
2	136	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/mg-channels/templates/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/mg-channels/templates/edit","position":137,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Save or remove message templates of a messaging channel"}
2	137	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/order-methods	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/order-methods","position":138,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List order methods"}
2	138	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/order-methods/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/order-methods/{code}/edit","position":139,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change an order method"}
2	139	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/order-types	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/order-types","position":140,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List order types"}
2	140	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/order-types/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/order-types/{code}/edit","position":141,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change an order type"}
2	141	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/payment-statuses	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/payment-statuses","position":142,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List payment statuses"}
2	142	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/payment-statuses/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/payment-statuses/{code}/edit","position":143,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a payment status"}
2	143	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/payment-types	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/payment-types","position":144,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List payment types"}
2	144	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/payment-types/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/payment-types/{code}/edit","position":145,"scope":"reference_write","store_places":["form:paymentType#/sites/-","json:paymentType#/sites/-"],"store_use":"optional","summary":"Create or change a payment type"}
2	145	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/price-types	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/price-types","position":146,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List price types"}
2	146	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/price-types/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/price-types/{code}/edit","position":147,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a price type"}
2	147	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/product-statuses	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/product-statuses","position":148,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List order item statuses"}
2	148	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/product-statuses/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/product-statuses/{code}/edit","position":149,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change an order item status"}
2	149	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/sites	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/sites","position":150,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List stores"}
2	169	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/store/product-groups/{externalId}/edit	\N	{"block":"Stock and catalogue","description":"","method":"POST /api/v*/store/product-groups/{externalId}/edit","position":170,"scope":"store_write","store_places":["form:site","query:site","json:site","form:productGroup#/site","json:productGroup#/site"],"store_use":"optional","summary":"Change a product group"}
2	150	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/sites/{code}/edit	\N	{"block":"Reference lists","description":"The store is the code in the path; the form field \\"site\\" carries the store as JSON, not a code. A store must be known to Latchkey before it can be created this way.","method":"POST /api/v*/reference/sites/{code}/edit","position":151,"scope":"reference_write","store_places":["path:code"],"store_use":"required","summary":"Create or change a store"}
2	151	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/status-groups	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/status-groups","position":152,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List groups of order statuses"}
2	152	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/statuses	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/statuses","position":153,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List order statuses"}
2	153	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/statuses/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/statuses/{code}/edit","position":154,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change an order status"}
2	154	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/stores	\N	{"block":"Reference lists","description":"These are warehouses; the online stores are under reference/sites.","method":"GET /api/v*/reference/stores","position":155,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List warehouses"}
2	155	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/stores/{code}/edit	\N	{"block":"Reference lists","description":"These are warehouses; the online stores are under reference/sites.","method":"POST /api/v*/reference/stores/{code}/edit","position":156,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a warehouse"}
2	156	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/subscriptions	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/subscriptions","position":157,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List mailing subscription categories"}
2	157	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/subscriptions/{channel}/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/subscriptions/{channel}/{code}/edit","position":158,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a subscription category"}
2	158	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/reference/units	\N	{"block":"Reference lists","description":"","method":"GET /api/v*/reference/units","position":159,"scope":"reference_read","store_places":[],"store_use":"none","summary":"List units of measure"}
2	159	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/reference/units/{code}/edit	\N	{"block":"Reference lists","description":"","method":"POST /api/v*/reference/units/{code}/edit","position":160,"scope":"reference_write","store_places":[],"store_use":"none","summary":"Create or change a unit of measure"}
2	160	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/segments	\N	{"block":"Customer segments","description":"","method":"GET /api/v*/segments","position":161,"scope":"segment_read","store_places":[],"store_use":"none","summary":"List customer segments"}
2	161	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/settings	\N	{"block":"System settings","description":"","method":"GET /api/v*/settings","position":162,"scope":null,"store_places":[],"store_use":"none","summary":"Get system settings"}
2	162	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/statistic/update	\N	{"block":"Statistics","description":"Changes state although it is a GET.","method":"GET /api/v*/statistic/update","position":163,"scope":null,"store_places":[],"store_use":"none","summary":"Queue a refresh of statistics"}
2	163	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/store/inventories	\N	{"block":"Stock and catalogue","description":"","method":"GET /api/v*/store/inventories","position":164,"scope":"store_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List stock levels and purchase prices"}
2	164	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/store/inventories/upload	\N	{"block":"Stock and catalogue","description":"","method":"POST /api/v*/store/inventories/upload","position":165,"scope":"store_write","store_places":["form:site","query:site","json:site"],"store_use":"optional","summary":"Update stock levels and purchase prices"}
2	165	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/store/offers	\N	{"block":"Stock and catalogue","description":"","method":"GET /api/v*/store/offers","position":166,"scope":"store_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List offers by filter"}
2	166	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/store/prices/upload	\N	{"block":"Stock and catalogue","description":"","method":"POST /api/v*/store/prices/upload","position":167,"scope":"store_write","store_places":["form:prices#/-/site","json:prices#/-/site"],"store_use":"optional","summary":"Update offer prices"}
2	167	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/store/product-groups	\N	{"block":"Stock and catalogue","description":"","method":"GET /api/v*/store/product-groups","position":168,"scope":"store_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List product groups by filter"}
2	168	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/store/product-groups/create	\N	{"block":"Stock and catalogue","description":"","method":"POST /api/v*/store/product-groups/create","position":169,"scope":"store_write","store_places":["form:productGroup#/site","json:productGroup#/site"],"store_use":"optional","summary":"Create a product group"}
2	190	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/users	\N	{"block":"Users","description":"","method":"GET /api/v*/users","position":191,"scope":"user_read","store_places":[],"store_use":"none","summary":"List users by filter"}
2	170	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/store/products	\N	{"block":"Stock and catalogue","description":"","method":"GET /api/v*/store/products","position":171,"scope":"store_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List products with their offers"}
2	171	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/store/products/batch/create	\N	{"block":"Stock and catalogue","description":"","method":"POST /api/v*/store/products/batch/create","position":172,"scope":"store_write","store_places":["form:products#/-/site","json:products#/-/site"],"store_use":"optional","summary":"Create products in bulk"}
2	172	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/store/products/batch/edit	\N	{"block":"Stock and catalogue","description":"","method":"POST /api/v*/store/products/batch/edit","position":173,"scope":"store_write","store_places":["form:products#/-/site","json:products#/-/site"],"store_use":"optional","summary":"Change products in bulk"}
2	173	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/store/products/properties	\N	{"block":"Stock and catalogue","description":"","method":"GET /api/v*/store/products/properties","position":174,"scope":"store_read","store_places":["query:filter[sites][]"],"store_use":"optional","summary":"List product properties"}
2	174	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/store/products/properties/values	\N	{"block":"Stock and catalogue","description":"","method":"GET /api/v*/store/products/properties/values","position":175,"scope":"store_read","store_places":[],"store_use":"none","summary":"List values of product properties"}
2	175	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/store/setting/{code}	\N	{"block":"Stock and catalogue","description":"Version 4 only; newer versions use integration-modules.","method":"GET /api/v*/store/setting/{code}","position":176,"scope":"store_read","store_places":[],"store_use":"none","summary":"Get warehouse integration settings"}
2	176	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/store/setting/{code}/edit	\N	{"block":"Stock and catalogue","description":"Version 4 only; newer versions use integration-modules.","method":"POST /api/v*/store/setting/{code}/edit","position":177,"scope":"store_write","store_places":[],"store_use":"none","summary":"Change warehouse integration settings"}
2	177	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/tasks	\N	{"block":"Tasks","description":"","method":"GET /api/v*/tasks","position":178,"scope":"task_read","store_places":[],"store_use":"none","summary":"List tasks by filter"}
2	178	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/tasks/create	\N	{"block":"Tasks","description":"","method":"POST /api/v*/tasks/create","position":179,"scope":"task_write","store_places":["form:site","query:site","json:site","form:task#/customer/site","json:task#/customer/site","form:task#/order/site","json:task#/order/site"],"store_use":"optional","summary":"Create a task"}
2	179	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/tasks/history	\N	{"block":"Tasks","description":"","method":"GET /api/v*/tasks/history","position":180,"scope":"task_read","store_places":[],"store_use":"none","summary":"Read task change history"}
2	180	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/tasks/{id}	\N	{"block":"Tasks","description":"","method":"GET /api/v*/tasks/{id}","position":181,"scope":"task_read","store_places":[],"store_use":"none","summary":"Get one task"}
2	181	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/tasks/{id}/comments	\N	{"block":"Tasks","description":"","method":"GET /api/v*/tasks/{id}/comments","position":182,"scope":"task_read","store_places":[],"store_use":"none","summary":"List the comments on a task"}
2	182	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/tasks/{id}/edit	\N	{"block":"Tasks","description":"","method":"POST /api/v*/tasks/{id}/edit","position":183,"scope":"task_write","store_places":["form:site","query:site","json:site","form:task#/customer/site","json:task#/customer/site","form:task#/order/site","json:task#/order/site"],"store_use":"optional","summary":"Change a task"}
2	183	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/telephony/call/event	\N	{"block":"Telephony","description":"","method":"POST /api/v*/telephony/call/event","position":184,"scope":"telephony_write","store_places":["form:event#/site","json:event#/site"],"store_use":"optional","summary":"Report a call event"}
2	184	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/telephony/calls/upload	\N	{"block":"Telephony","description":"","method":"POST /api/v*/telephony/calls/upload","position":185,"scope":"telephony_write","store_places":["form:calls#/-/site","json:calls#/-/site"],"store_use":"optional","summary":"Upload call records"}
2	185	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/telephony/manager	\N	{"block":"Telephony","description":"","method":"GET /api/v*/telephony/manager","position":186,"scope":"telephony_read","store_places":[],"store_use":"none","summary":"Find the manager for a phone number"}
2	186	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/telephony/setting/{code}	\N	{"block":"Telephony","description":"Version 3 only; one client library writes telephony/settings/{code} by mistake, which is not in this book.","method":"POST /api/v*/telephony/setting/{code}","position":187,"scope":"telephony_write","store_places":[],"store_use":"none","summary":"Create or change telephony settings"}
2	187	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/telephony/setting/{code}	\N	{"block":"Telephony","description":"Versions 3 and 4 only.","method":"GET /api/v*/telephony/setting/{code}","position":188,"scope":"telephony_read","store_places":[],"store_use":"none","summary":"Get telephony settings"}
2	188	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/telephony/setting/{code}/edit	\N	{"block":"Telephony","description":"Version 4 only.","method":"POST /api/v*/telephony/setting/{code}/edit","position":189,"scope":"telephony_write","store_places":[],"store_use":"none","summary":"Create or change telephony settings"}
2	189	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/user-groups	\N	{"block":"Users","description":"","method":"GET /api/v*/user-groups","position":190,"scope":"user_read","store_places":[],"store_use":"none","summary":"List user groups"}
2	192	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/users/{id}/status	\N	{"block":"Users","description":"","method":"POST /api/v*/users/{id}/status","position":193,"scope":"user_write","store_places":[],"store_use":"none","summary":"Change whether a user is present"}
2	193	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/verification/sms/send	\N	{"block":"Code verification","description":"","method":"POST /api/v*/verification/sms/send","position":194,"scope":"verification_write","store_places":[],"store_use":"none","summary":"Send a verification code by text message again"}
2	194	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/verification/sms/confirm	\N	{"block":"Code verification","description":"","method":"POST /api/v*/verification/sms/confirm","position":195,"scope":"verification_write","store_places":[],"store_use":"none","summary":"Confirm a verification code"}
2	195	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	GET /api/v*/verification/sms/{checkId}/status	\N	{"block":"Code verification","description":"","method":"GET /api/v*/verification/sms/{checkId}/status","position":196,"scope":"verification_read","store_places":[],"store_use":"none","summary":"Check a verification's state"}
2	196	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/web-analytics/client-ids/upload	\N	{"block":"Web analytics","description":"","method":"POST /api/v*/web-analytics/client-ids/upload","position":197,"scope":"analytics_write","store_places":["form:clientIds#/-/site","json:clientIds#/-/site"],"store_use":"optional","summary":"Upload analytics client IDs"}
2	197	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/web-analytics/sources/upload	\N	{"block":"Web analytics","description":"","method":"POST /api/v*/web-analytics/sources/upload","position":198,"scope":"analytics_write","store_places":["form:sources#/-/site","json:sources#/-/site"],"store_use":"optional","summary":"Upload traffic sources"}
2	198	5650857332419242116	1796073934259354	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	import		method	POST /api/v*/web-analytics/visits/upload	\N	{"block":"Web analytics","description":"","method":"POST /api/v*/web-analytics/visits/upload","position":199,"scope":"analytics_write","store_places":["form:visits#/-/site","json:visits#/-/site"],"store_use":"optional","summary":"Upload site visits"}
3	0	-9103942694054184620	1796073934310706	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		store	main	\N	{"active":true,"code":"main","hosts":[],"kind":"online_store","name":"Main shop","platform":"1c-bitrix"}
4	0	5444965011033687171	1796073934325703	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		store	second	\N	{"active":true,"code":"second","hosts":[],"kind":"site","name":"Second shop","platform":""}
5	0	1727451289062652813	1796073934340824	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		store	closed	\N	{"active":true,"code":"closed","hosts":[],"kind":"landing_page","name":"Closed shop","platform":""}
6	0	6290903537776647601	1796073934353785	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		key	key_01a22e59-4e11-7e8f-8c94-303cce60d931	\N	{"active":true,"comment":"Orders only","created":"2026-11-30T21:25:34.353785Z","expires":null,"id":"key_01a22e59-4e11-7e8f-8c94-303cce60d931","labels":{"team":"crm"},"methods":{"selected":["GET /api/v*/orders/statuses"]},"name":"Bitrix module","networks":[],"not_before":null,"owner":"integration team","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.353785Z","expires":null,"hint":"QMa7","id":"sec_01a22e59-4e11-7a7f-aa9b-34a36f4d5b72","origin":"issued"}],"stores":{"selected":["main"]}}
7	0	321454690180018248	1796073934372846	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		key	key_01a22e59-4e24-7b5d-953d-95fa47f4424a	\N	{"active":true,"comment":"","created":"2026-11-30T21:25:34.372846Z","expires":"2099-01-31T00:00:00Z","id":"key_01a22e59-4e24-7b5d-953d-95fa47f4424a","labels":{},"methods":"all","name":"CRM","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.372846Z","expires":null,"hint":"Dzaa","id":"sec_01a22e59-4e24-718e-82ea-86c782e9de45","origin":"issued"}],"stores":"all"}
8	0	484614739052280250	1796073934386875	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		key	key_01a22e59-4e32-7d99-985f-8d604696f9dd	\N	{"active":false,"comment":"","created":"2026-11-30T21:25:34.386875Z","expires":null,"id":"key_01a22e59-4e32-7d99-985f-8d604696f9dd","labels":{},"methods":"all","name":"Switched off","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.386875Z","expires":null,"hint":"aIl3","id":"sec_01a22e59-4e32-7138-b6dc-3d028b39dd96","origin":"issued"}],"stores":"all"}
9	0	-7158127884638011073	1796073934400995	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		key	key_01a22e59-4e40-72ac-84e5-249565894556	\N	{"active":true,"comment":"","created":"2026-11-30T21:25:34.400995Z","expires":null,"id":"key_01a22e59-4e40-72ac-84e5-249565894556","labels":{},"methods":"all","name":"Leaked","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.400995Z","expires":null,"hint":"fmfJ","id":"sec_01a22e59-4e40-792b-b007-cfa6e6221357","origin":"issued"}],"stores":"all"}
10	0	5918045171592411294	1796073934419469	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	revoke		key	key_01a22e59-4e40-72ac-84e5-249565894556	{"active":true,"comment":"","created":"2026-11-30T21:25:34.400995Z","expires":null,"id":"key_01a22e59-4e40-72ac-84e5-249565894556","labels":{},"methods":"all","name":"Leaked","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.400995Z","expires":null,"hint":"fmfJ","id":"sec_01a22e59-4e40-792b-b007-cfa6e6221357","origin":"issued"}],"stores":"all"}	{"active":true,"comment":"","created":"2026-11-30T21:25:34.400995Z","expires":null,"id":"key_01a22e59-4e40-72ac-84e5-249565894556","labels":{},"methods":"all","name":"Leaked","networks":[],"not_before":null,"owner":"","revoked":{"at":"2026-11-30T21:25:34.419469Z","reason":"found in a repository"},"secrets":[],"stores":"all"}
11	0	7157124890479308887	1796073934441778	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		key	key_01a22e59-4e69-7185-b744-5da2aa69e1b9	\N	{"active":true,"comment":"","created":"2026-11-30T21:25:34.441778Z","expires":null,"id":"key_01a22e59-4e69-7185-b744-5da2aa69e1b9","labels":{},"methods":"all","name":"Rotated","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.441778Z","expires":null,"hint":"XBfy","id":"sec_01a22e59-4e69-7cea-963c-ce57c2f7349c","origin":"issued"}],"stores":{"selected":["closed","second"]}}
12	0	-7754293404216500875	1796073934461102	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	rotate		key	key_01a22e59-4e69-7185-b744-5da2aa69e1b9	{"active":true,"comment":"","created":"2026-11-30T21:25:34.441778Z","expires":null,"id":"key_01a22e59-4e69-7185-b744-5da2aa69e1b9","labels":{},"methods":"all","name":"Rotated","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.441778Z","expires":null,"hint":"XBfy","id":"sec_01a22e59-4e69-7cea-963c-ce57c2f7349c","origin":"issued"}],"stores":{"selected":["closed","second"]}}	{"active":true,"comment":"","created":"2026-11-30T21:25:34.441778Z","expires":null,"id":"key_01a22e59-4e69-7185-b744-5da2aa69e1b9","labels":{},"methods":"all","name":"Rotated","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.461102Z","expires":null,"hint":"hEzK","id":"sec_01a22e59-4e7d-79ac-8d19-cbee14cd7e0f","origin":"issued"}],"stores":{"selected":["closed","second"]}}
13	0	6537620545297523701	1796073934483399	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		key	key_01a22e59-4e93-7910-9ef1-6fc6aafb950e	\N	{"active":true,"comment":"","created":"2026-11-30T21:25:34.483399Z","expires":null,"id":"key_01a22e59-4e93-7910-9ef1-6fc6aafb950e","labels":{},"methods":"all","name":"Deleted","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.483399Z","expires":null,"hint":"9kqh","id":"sec_01a22e59-4e93-7e3e-ad78-c44c4030e47d","origin":"issued"}],"stores":"all"}
14	0	-2808153249648002157	1796073934502648	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	revoke		key	key_01a22e59-4e93-7910-9ef1-6fc6aafb950e	{"active":true,"comment":"","created":"2026-11-30T21:25:34.483399Z","expires":null,"id":"key_01a22e59-4e93-7910-9ef1-6fc6aafb950e","labels":{},"methods":"all","name":"Deleted","networks":[],"not_before":null,"owner":"","revoked":null,"secrets":[{"created":"2026-11-30T21:25:34.483399Z","expires":null,"hint":"9kqh","id":"sec_01a22e59-4e93-7e3e-ad78-c44c4030e47d","origin":"issued"}],"stores":"all"}	{"active":true,"comment":"","created":"2026-11-30T21:25:34.483399Z","expires":null,"id":"key_01a22e59-4e93-7910-9ef1-6fc6aafb950e","labels":{},"methods":"all","name":"Deleted","networks":[],"not_before":null,"owner":"","revoked":{"at":"2026-11-30T21:25:34.502648Z","reason":"done"},"secrets":[],"stores":"all"}
15	0	-7676063600338440268	1796073934531665	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	delete		key	key_01a22e59-4e93-7910-9ef1-6fc6aafb950e	{"active":true,"comment":"","created":"2026-11-30T21:25:34.483399Z","expires":null,"id":"key_01a22e59-4e93-7910-9ef1-6fc6aafb950e","labels":{},"methods":"all","name":"Deleted","networks":[],"not_before":null,"owner":"","revoked":{"at":"2026-11-30T21:25:34.502648Z","reason":"done"},"secrets":[],"stores":"all"}	\N
16	0	-4987308343952236128	1796073934547139	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	delete		store	closed	{"active":true,"code":"closed","hosts":[],"kind":"landing_page","name":"Closed shop","platform":""}	\N
17	0	-6813555598994011335	1796073934567304	op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	create		operator	op_01a22e59-4ee7-7f71-8d0f-1fd2a42ffe80	\N	{"expires":null,"hint":"NQOs","id":"op_01a22e59-4ee7-7f71-8d0f-1fd2a42ffe80","name":"order-api","revoked":null,"role":"authorizer"}
\.


--
-- Data for Name: key_methods; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.key_methods (key_id, method_number) FROM stdin;
key_01a22e59-4e11-7e8f-8c94-303cce60d931	101
\.


--
-- Data for Name: key_stores; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.key_stores (key_id, store_number) FROM stdin;
key_01a22e59-4e11-7e8f-8c94-303cce60d931	1
key_01a22e59-4e69-7185-b744-5da2aa69e1b9	2
key_01a22e59-4e69-7185-b744-5da2aa69e1b9	3
\.


--
-- Data for Name: key_uses; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.key_uses (key_id, last_used_at) FROM stdin;
key_01a22e59-4e32-7d99-985f-8d604696f9dd	0
key_01a22e59-4e40-72ac-84e5-249565894556	0
key_01a22e59-4e69-7185-b744-5da2aa69e1b9	0
key_01a22e59-4e93-7910-9ef1-6fc6aafb950e	0
key_01a22e59-4e11-7e8f-8c94-303cce60d931	1796073934593513
key_01a22e59-4e24-7b5d-953d-95fa47f4424a	1796073934607599
\.


--
-- Data for Name: keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.keys (id, name, owner, comment, active, revoked_at, revoked_reason, all_stores, all_methods, not_before, expires_at, networks, labels, search, created_at, updated_at, row_revision, deleted_revision) FROM stdin;
key_01a22e59-4e11-7e8f-8c94-303cce60d931	Bitrix module	integration team	Orders only	t	\N	\N	f	f	\N	\N	[]	{"team":"crm"}	bitrix moduleintegration teamorders onlykey_01a22e59-4e11-7e8f-8c94-303cce60d931qma7	1796073934353785	1796073934353785	6	\N
key_01a22e59-4e24-7b5d-953d-95fa47f4424a	CRM			t	\N	\N	t	t	\N	4073500800000000	[]	{}	crmkey_01a22e59-4e24-7b5d-953d-95fa47f4424adzaa	1796073934372846	1796073934372846	7	\N
key_01a22e59-4e32-7d99-985f-8d604696f9dd	Switched off			f	\N	\N	t	t	\N	\N	[]	{}	switched offkey_01a22e59-4e32-7d99-985f-8d604696f9ddail3	1796073934386875	1796073934386875	8	\N
key_01a22e59-4e40-72ac-84e5-249565894556	Leaked			t	1796073934419469	found in a repository	t	t	\N	\N	[]	{}	leakedkey_01a22e59-4e40-72ac-84e5-249565894556	1796073934400995	1796073934419469	10	\N
key_01a22e59-4e69-7185-b744-5da2aa69e1b9	Rotated			t	\N	\N	f	t	\N	\N	[]	{}	rotatedkey_01a22e59-4e69-7185-b744-5da2aa69e1b9hezk	1796073934441778	1796073934461102	12	\N
key_01a22e59-4e93-7910-9ef1-6fc6aafb950e	Deleted			t	1796073934502648	done	t	t	\N	\N	[]	{}	deletedkey_01a22e59-4e93-7910-9ef1-6fc6aafb950e	1796073934483399	1796073934531665	15	15
\.


--
-- Data for Name: latchkey_migrating; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.latchkey_migrating  FROM stdin;
\.


--
-- Data for Name: meta; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.meta (key, value) FROM stdin;
compatible_from	1
schema_version	3
\.


--
-- Data for Name: methods; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.methods (number, identity, block, summary, description, store_use, store_places, scope, "position", search, created_at, updated_at, row_revision, retired_revision) FROM stdin;
1	GET /api/api-versions	Account and API	List the API versions this account serves	The path has no version.	none	[]	\N	1	get /api/api-versionsaccount and apilist the api versions this account servesthe path has no version.	1796073934259354	1796073934259354	2	\N
2	GET /api/credentials	Account and API	Show what the calling key may do	The path has no version; one widely used module asks /api/v5/credentials instead, which is not in this book. Modules read from the answer which methods and stores their key has.	none	[]	\N	2	get /api/credentialsaccount and apishow what the calling key may dothe path has no version; one widely used module asks /api/v5/credentials instead, which is not in this book. modules read from the answer which methods and stores their key has.	1796073934259354	1796073934259354	2	\N
3	GET /api/system-info	Account and API	Show system version and public addresses	The path has no version.	none	[]	\N	3	get /api/system-infoaccount and apishow system version and public addressesthe path has no version.	1796073934259354	1796073934259354	2	\N
4	GET /api/v*/costs	Costs	List costs by filter		optional	["query:filter[sites][]"]	cost_read	4	get /api/v*/costscostslist costs by filter	1796073934259354	1796073934259354	2	\N
5	POST /api/v*/costs/create	Costs	Create one cost		optional	["form:site","query:site","json:site","form:cost#/sites/-","json:cost#/sites/-"]	cost_write	5	post /api/v*/costs/createcostscreate one cost	1796073934259354	1796073934259354	2	\N
6	POST /api/v*/costs/delete	Costs	Delete several costs at once		none	[]	cost_write	6	post /api/v*/costs/deletecostsdelete several costs at once	1796073934259354	1796073934259354	2	\N
7	POST /api/v*/costs/upload	Costs	Create costs in bulk		optional	["form:costs#/-/sites/-","json:costs#/-/sites/-"]	cost_write	7	post /api/v*/costs/uploadcostscreate costs in bulk	1796073934259354	1796073934259354	2	\N
8	GET /api/v*/costs/{id}	Costs	Get one cost		none	[]	cost_read	8	get /api/v*/costs/{id}costsget one cost	1796073934259354	1796073934259354	2	\N
9	POST /api/v*/costs/{id}/edit	Costs	Change one cost		optional	["form:site","query:site","json:site","form:cost#/sites/-","json:cost#/sites/-"]	cost_write	9	post /api/v*/costs/{id}/editcostschange one cost	1796073934259354	1796073934259354	2	\N
10	POST /api/v*/costs/{id}/delete	Costs	Delete one cost		none	[]	cost_write	10	post /api/v*/costs/{id}/deletecostsdelete one cost	1796073934259354	1796073934259354	2	\N
11	GET /api/v*/custom-fields	Custom fields	List custom fields by filter		none	[]	custom_fields_read	11	get /api/v*/custom-fieldscustom fieldslist custom fields by filter	1796073934259354	1796073934259354	2	\N
12	GET /api/v*/custom-fields/dictionaries	Custom fields	List custom dictionaries by filter		none	[]	custom_fields_read	12	get /api/v*/custom-fields/dictionariescustom fieldslist custom dictionaries by filter	1796073934259354	1796073934259354	2	\N
13	POST /api/v*/custom-fields/dictionaries/create	Custom fields	Create a custom dictionary		none	[]	custom_fields_write	13	post /api/v*/custom-fields/dictionaries/createcustom fieldscreate a custom dictionary	1796073934259354	1796073934259354	2	\N
14	GET /api/v*/custom-fields/dictionaries/{code}	Custom fields	Get one custom dictionary		none	[]	custom_fields_read	14	get /api/v*/custom-fields/dictionaries/{code}custom fieldsget one custom dictionary	1796073934259354	1796073934259354	2	\N
15	POST /api/v*/custom-fields/dictionaries/{code}/edit	Custom fields	Change one custom dictionary		none	[]	custom_fields_write	15	post /api/v*/custom-fields/dictionaries/{code}/editcustom fieldschange one custom dictionary	1796073934259354	1796073934259354	2	\N
16	POST /api/v*/custom-fields/{entity}/create	Custom fields	Create a custom field for an entity type		none	[]	custom_fields_write	16	post /api/v*/custom-fields/{entity}/createcustom fieldscreate a custom field for an entity type	1796073934259354	1796073934259354	2	\N
17	GET /api/v*/custom-fields/{entity}/{code}	Custom fields	Get one custom field		none	[]	custom_fields_read	17	get /api/v*/custom-fields/{entity}/{code}custom fieldsget one custom field	1796073934259354	1796073934259354	2	\N
18	POST /api/v*/custom-fields/{entity}/{code}/edit	Custom fields	Change one custom field		none	[]	custom_fields_write	18	post /api/v*/custom-fields/{entity}/{code}/editcustom fieldschange one custom field	1796073934259354	1796073934259354	2	\N
19	POST /api/v*/customer-interaction/{site}/cart/clear	Customer interaction	Empty a customer's cart in a store	With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.	required	["path:site","form:cart#/customer/site","json:cart#/customer/site"]	\N	19	post /api/v*/customer-interaction/{site}/cart/clearcustomer interactionempty a customer's cart in a storewith siteby=id the path carries the number of a store instead of its code, and no store is known by a number.	1796073934259354	1796073934259354	2	\N
20	POST /api/v*/customer-interaction/{site}/cart/set	Customer interaction	Create or replace a customer's cart	With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.	required	["path:site","form:cart#/customer/site","json:cart#/customer/site"]	\N	20	post /api/v*/customer-interaction/{site}/cart/setcustomer interactioncreate or replace a customer's cartwith siteby=id the path carries the number of a store instead of its code, and no store is known by a number.	1796073934259354	1796073934259354	2	\N
21	GET /api/v*/customer-interaction/{site}/cart/{customerId}	Customer interaction	Get a customer's current cart	With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.	required	["path:site"]	\N	21	get /api/v*/customer-interaction/{site}/cart/{customerid}customer interactionget a customer's current cartwith siteby=id the path carries the number of a store instead of its code, and no store is known by a number.	1796073934259354	1796073934259354	2	\N
22	GET /api/v*/customer-interaction/{site}/favorites/{customerId}	Customer interaction	List a customer's favourite offers	With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.	required	["path:site"]	\N	22	get /api/v*/customer-interaction/{site}/favorites/{customerid}customer interactionlist a customer's favourite offerswith siteby=id the path carries the number of a store instead of its code, and no store is known by a number.	1796073934259354	1796073934259354	2	\N
23	POST /api/v*/customer-interaction/{site}/favorites/{customerId}/add	Customer interaction	Add an offer to favourites	With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.	required	["path:site"]	\N	23	post /api/v*/customer-interaction/{site}/favorites/{customerid}/addcustomer interactionadd an offer to favouriteswith siteby=id the path carries the number of a store instead of its code, and no store is known by a number.	1796073934259354	1796073934259354	2	\N
98	POST /api/v*/orders/payments/create	Orders	Add a payment to an order		optional	["form:site","query:site","json:site"]	order_write	98	post /api/v*/orders/payments/createordersadd a payment to an order	1796073934259354	1796073934259354	2	\N
24	POST /api/v*/customer-interaction/{site}/favorites/{customerId}/remove	Customer interaction	Remove an offer from favourites	With siteBy=id the path carries the number of a store instead of its code, and no store is known by a number.	required	["path:site"]	\N	24	post /api/v*/customer-interaction/{site}/favorites/{customerid}/removecustomer interactionremove an offer from favouriteswith siteby=id the path carries the number of a store instead of its code, and no store is known by a number.	1796073934259354	1796073934259354	2	\N
25	GET /api/v*/customers	Customers	List customers by filter		optional	["query:filter[sites][]"]	customer_read	25	get /api/v*/customerscustomerslist customers by filter	1796073934259354	1796073934259354	2	\N
26	POST /api/v*/customers/combine	Customers	Merge several customers into one		none	[]	customer_write	26	post /api/v*/customers/combinecustomersmerge several customers into one	1796073934259354	1796073934259354	2	\N
27	POST /api/v*/customers/create	Customers	Create a customer		required	["form:site","query:site","json:site","form:customer#/site","json:customer#/site"]	customer_write	27	post /api/v*/customers/createcustomerscreate a customer	1796073934259354	1796073934259354	2	\N
28	POST /api/v*/customers/fix-external-ids	Customers	Set external IDs for many customers		optional	["form:site","query:site","json:site"]	customer_write	28	post /api/v*/customers/fix-external-idscustomersset external ids for many customers	1796073934259354	1796073934259354	2	\N
29	GET /api/v*/customers/history	Customers	Read customer change history		none	[]	customer_read	29	get /api/v*/customers/historycustomersread customer change history	1796073934259354	1796073934259354	2	\N
30	GET /api/v*/customers/notes	Customers	List customer notes		none	[]	customer_read	30	get /api/v*/customers/notescustomerslist customer notes	1796073934259354	1796073934259354	2	\N
31	POST /api/v*/customers/notes/create	Customers	Add a note to a customer		optional	["form:site","query:site","json:site","form:note#/customer/site","json:note#/customer/site"]	customer_write	31	post /api/v*/customers/notes/createcustomersadd a note to a customer	1796073934259354	1796073934259354	2	\N
32	POST /api/v*/customers/notes/{id}/delete	Customers	Delete a customer note		none	[]	customer_write	32	post /api/v*/customers/notes/{id}/deletecustomersdelete a customer note	1796073934259354	1796073934259354	2	\N
33	POST /api/v*/customers/upload	Customers	Create customers in bulk		required	["form:site","query:site","json:site","form:customers#/-/site","json:customers#/-/site"]	customer_write	33	post /api/v*/customers/uploadcustomerscreate customers in bulk	1796073934259354	1796073934259354	2	\N
34	GET /api/v*/customers/{externalId}	Customers	Get one customer		optional	["query:site"]	customer_read	34	get /api/v*/customers/{externalid}customersget one customer	1796073934259354	1796073934259354	2	\N
35	POST /api/v*/customers/{externalId}/edit	Customers	Change one customer		optional	["form:site","query:site","json:site","form:customer#/site","json:customer#/site"]	customer_write	35	post /api/v*/customers/{externalid}/editcustomerschange one customer	1796073934259354	1796073934259354	2	\N
36	POST /api/v*/customers/{externalId}/subscriptions	Customers	Change a customer's mailing subscriptions		optional	["form:site","query:site","json:site"]	customer_write	36	post /api/v*/customers/{externalid}/subscriptionscustomerschange a customer's mailing subscriptions	1796073934259354	1796073934259354	2	\N
37	GET /api/v*/customers-corporate	Corporate customers	List corporate customers by filter		optional	["query:filter[sites][]"]	customer_read	37	get /api/v*/customers-corporatecorporate customerslist corporate customers by filter	1796073934259354	1796073934259354	2	\N
38	POST /api/v*/customers-corporate/combine	Corporate customers	Merge corporate customers into one		none	[]	customer_write	38	post /api/v*/customers-corporate/combinecorporate customersmerge corporate customers into one	1796073934259354	1796073934259354	2	\N
39	POST /api/v*/customers-corporate/create	Corporate customers	Create a corporate customer		required	["form:site","query:site","json:site","form:customerCorporate#/site","json:customerCorporate#/site","form:customerCorporate#/customerContacts/-/customer/site","json:customerCorporate#/customerContacts/-/customer/site"]	customer_write	39	post /api/v*/customers-corporate/createcorporate customerscreate a corporate customer	1796073934259354	1796073934259354	2	\N
40	POST /api/v*/customers-corporate/fix-external-ids	Corporate customers	Set external IDs for many corporate customers		optional	["form:site","query:site","json:site"]	customer_write	40	post /api/v*/customers-corporate/fix-external-idscorporate customersset external ids for many corporate customers	1796073934259354	1796073934259354	2	\N
41	GET /api/v*/customers-corporate/history	Corporate customers	Read corporate customer change history		none	[]	customer_read	41	get /api/v*/customers-corporate/historycorporate customersread corporate customer change history	1796073934259354	1796073934259354	2	\N
42	GET /api/v*/customers-corporate/notes	Corporate customers	List corporate customer notes		none	[]	customer_read	42	get /api/v*/customers-corporate/notescorporate customerslist corporate customer notes	1796073934259354	1796073934259354	2	\N
43	POST /api/v*/customers-corporate/notes/create	Corporate customers	Add a note to a corporate customer		optional	["form:site","query:site","json:site","form:note#/customer/site","json:note#/customer/site"]	customer_write	43	post /api/v*/customers-corporate/notes/createcorporate customersadd a note to a corporate customer	1796073934259354	1796073934259354	2	\N
44	POST /api/v*/customers-corporate/notes/{id}/delete	Corporate customers	Delete a corporate customer note		none	[]	customer_write	44	post /api/v*/customers-corporate/notes/{id}/deletecorporate customersdelete a corporate customer note	1796073934259354	1796073934259354	2	\N
45	POST /api/v*/customers-corporate/upload	Corporate customers	Create corporate customers in bulk		required	["form:site","query:site","json:site","form:customersCorporate#/-/site","json:customersCorporate#/-/site","form:customersCorporate#/-/customerContacts/-/customer/site","json:customersCorporate#/-/customerContacts/-/customer/site"]	customer_write	45	post /api/v*/customers-corporate/uploadcorporate customerscreate corporate customers in bulk	1796073934259354	1796073934259354	2	\N
46	GET /api/v*/customers-corporate/{externalId}	Corporate customers	Get one corporate customer		optional	["query:site"]	customer_read	46	get /api/v*/customers-corporate/{externalid}corporate customersget one corporate customer	1796073934259354	1796073934259354	2	\N
47	GET /api/v*/customers-corporate/{externalId}/addresses	Corporate customers	List a corporate customer's addresses		optional	["query:site"]	customer_read	47	get /api/v*/customers-corporate/{externalid}/addressescorporate customerslist a corporate customer's addresses	1796073934259354	1796073934259354	2	\N
99	POST /api/v*/orders/payments/{id}/delete	Orders	Delete an order payment		none	[]	order_write	99	post /api/v*/orders/payments/{id}/deleteordersdelete an order payment	1796073934259354	1796073934259354	2	\N
48	POST /api/v*/customers-corporate/{externalId}/addresses/create	Corporate customers	Add an address to a corporate customer		optional	["form:site","query:site","json:site"]	customer_write	48	post /api/v*/customers-corporate/{externalid}/addresses/createcorporate customersadd an address to a corporate customer	1796073934259354	1796073934259354	2	\N
49	POST /api/v*/customers-corporate/{externalId}/addresses/{entityExternalId}/edit	Corporate customers	Change an address of a corporate customer		optional	["form:site","query:site","json:site"]	customer_write	49	post /api/v*/customers-corporate/{externalid}/addresses/{entityexternalid}/editcorporate customerschange an address of a corporate customer	1796073934259354	1796073934259354	2	\N
50	GET /api/v*/customers-corporate/{externalId}/companies	Corporate customers	List a corporate customer's companies		optional	["query:site"]	customer_read	50	get /api/v*/customers-corporate/{externalid}/companiescorporate customerslist a corporate customer's companies	1796073934259354	1796073934259354	2	\N
51	POST /api/v*/customers-corporate/{externalId}/companies/create	Corporate customers	Add a company to a corporate customer		optional	["form:site","query:site","json:site"]	customer_write	51	post /api/v*/customers-corporate/{externalid}/companies/createcorporate customersadd a company to a corporate customer	1796073934259354	1796073934259354	2	\N
52	POST /api/v*/customers-corporate/{externalId}/companies/{entityExternalId}/edit	Corporate customers	Change a company of a corporate customer		optional	["form:site","query:site","json:site"]	customer_write	52	post /api/v*/customers-corporate/{externalid}/companies/{entityexternalid}/editcorporate customerschange a company of a corporate customer	1796073934259354	1796073934259354	2	\N
53	GET /api/v*/customers-corporate/{externalId}/contacts	Corporate customers	List a corporate customer's contact persons		optional	["query:site"]	customer_read	53	get /api/v*/customers-corporate/{externalid}/contactscorporate customerslist a corporate customer's contact persons	1796073934259354	1796073934259354	2	\N
54	POST /api/v*/customers-corporate/{externalId}/contacts/create	Corporate customers	Link a contact person to a corporate customer		optional	["form:site","query:site","json:site","form:contact#/customer/site","json:contact#/customer/site"]	customer_write	54	post /api/v*/customers-corporate/{externalid}/contacts/createcorporate customerslink a contact person to a corporate customer	1796073934259354	1796073934259354	2	\N
55	POST /api/v*/customers-corporate/{externalId}/contacts/{entityExternalId}/edit	Corporate customers	Change the link to a contact person		optional	["form:site","query:site","json:site","form:contact#/customer/site","json:contact#/customer/site"]	customer_write	55	post /api/v*/customers-corporate/{externalid}/contacts/{entityexternalid}/editcorporate customerschange the link to a contact person	1796073934259354	1796073934259354	2	\N
56	POST /api/v*/customers-corporate/{externalId}/edit	Corporate customers	Change one corporate customer		optional	["form:site","query:site","json:site","form:customerCorporate#/site","json:customerCorporate#/site","form:customerCorporate#/customerContacts/-/customer/site","json:customerCorporate#/customerContacts/-/customer/site"]	customer_write	56	post /api/v*/customers-corporate/{externalid}/editcorporate customerschange one corporate customer	1796073934259354	1796073934259354	2	\N
57	POST /api/v*/delivery/calculate	Delivery	Price delivery options for an order		none	[]	delivery_write	57	post /api/v*/delivery/calculatedeliveryprice delivery options for an order	1796073934259354	1796073934259354	2	\N
58	POST /api/v*/delivery/generic/{code}/tracking	Delivery	Report delivery status changes	As lists of what a key may do call it; newer clients call the parameter {subcode}.	none	[]	delivery_write	58	post /api/v*/delivery/generic/{code}/trackingdeliveryreport delivery status changesas lists of what a key may do call it; newer clients call the parameter {subcode}.	1796073934259354	1796073934259354	2	\N
59	GET /api/v*/delivery/generic/setting/{code}	Delivery	Get delivery integration settings	Version 4 only; newer versions use integration-modules.	none	[]	delivery_read	59	get /api/v*/delivery/generic/setting/{code}deliveryget delivery integration settingsversion 4 only; newer versions use integration-modules.	1796073934259354	1796073934259354	2	\N
60	POST /api/v*/delivery/generic/setting/{code}/edit	Delivery	Change delivery integration settings	Version 4 only; newer versions use integration-modules.	none	[]	delivery_write	60	post /api/v*/delivery/generic/setting/{code}/editdeliverychange delivery integration settingsversion 4 only; newer versions use integration-modules.	1796073934259354	1796073934259354	2	\N
61	GET /api/v*/delivery/shipments	Delivery	List shipments by filter		none	[]	delivery_read	61	get /api/v*/delivery/shipmentsdeliverylist shipments by filter	1796073934259354	1796073934259354	2	\N
62	POST /api/v*/delivery/shipments/create	Delivery	Create a shipment		optional	["form:site","query:site","json:site"]	delivery_write	62	post /api/v*/delivery/shipments/createdeliverycreate a shipment	1796073934259354	1796073934259354	2	\N
63	GET /api/v*/delivery/shipments/{id}	Delivery	Get one shipment		none	[]	delivery_read	63	get /api/v*/delivery/shipments/{id}deliveryget one shipment	1796073934259354	1796073934259354	2	\N
64	POST /api/v*/delivery/shipments/{id}/edit	Delivery	Change one shipment	One client library posts to delivery/shipment/{id}/edit by mistake; that path is not in this book.	optional	["form:site","query:site","json:site"]	delivery_write	64	post /api/v*/delivery/shipments/{id}/editdeliverychange one shipmentone client library posts to delivery/shipment/{id}/edit by mistake; that path is not in this book.	1796073934259354	1796073934259354	2	\N
65	GET /api/v*/features/check	System features	Check which system features are enabled		none	[]	\N	65	get /api/v*/features/checksystem featurescheck which system features are enabled	1796073934259354	1796073934259354	2	\N
66	GET /api/v*/files	Files	List files by filter		optional	["query:filter[sites][]"]	file_read	66	get /api/v*/filesfileslist files by filter	1796073934259354	1796073934259354	2	\N
67	POST /api/v*/files/upload	Files	Upload a file	The body is the raw content of the file, so that the store travels in the query.	optional	["query:site"]	file_write	67	post /api/v*/files/uploadfilesupload a filethe body is the raw content of the file, so that the store travels in the query.	1796073934259354	1796073934259354	2	\N
68	GET /api/v*/files/{id}	Files	Get file details		none	[]	file_read	68	get /api/v*/files/{id}filesget file details	1796073934259354	1796073934259354	2	\N
69	POST /api/v*/files/{id}/delete	Files	Delete a file		none	[]	file_write	69	post /api/v*/files/{id}/deletefilesdelete a file	1796073934259354	1796073934259354	2	\N
70	GET /api/v*/files/{id}/download	Files	Download file content	Answers with the binary content of the file, not with JSON.	none	[]	file_read	70	get /api/v*/files/{id}/downloadfilesdownload file contentanswers with the binary content of the file, not with json.	1796073934259354	1796073934259354	2	\N
71	POST /api/v*/files/{id}/edit	Files	Change file details		optional	["form:file#/attachment/-/customer/site","json:file#/attachment/-/customer/site","form:file#/attachment/-/order/site","json:file#/attachment/-/order/site"]	file_write	71	post /api/v*/files/{id}/editfileschange file details	1796073934259354	1796073934259354	2	\N
72	GET /api/v*/integration-modules/{code}	Integration modules	Get one integration module		none	[]	integration_read	72	get /api/v*/integration-modules/{code}integration modulesget one integration module	1796073934259354	1796073934259354	2	\N
73	POST /api/v*/integration-modules/{code}/edit	Integration modules	Create or change an integration module		none	[]	integration_write	73	post /api/v*/integration-modules/{code}/editintegration modulescreate or change an integration module	1796073934259354	1796073934259354	2	\N
74	POST /api/v*/integration-modules/{code}/update-scopes	Integration modules	Change the scopes of a module's key	Answers with a new key for the module.	none	[]	integration_write	74	post /api/v*/integration-modules/{code}/update-scopesintegration moduleschange the scopes of a module's keyanswers with a new key for the module.	1796073934259354	1796073934259354	2	\N
75	POST /api/v*/loyalty/account/create	Loyalty program	Enrol a customer in a loyalty program		optional	["form:site","query:site","json:site","form:loyaltyAccount#/customer/site","json:loyaltyAccount#/customer/site"]	loyalty_write	75	post /api/v*/loyalty/account/createloyalty programenrol a customer in a loyalty program	1796073934259354	1796073934259354	2	\N
76	GET /api/v*/loyalty/account/{id}	Loyalty program	Get one loyalty enrolment		none	[]	loyalty_read	76	get /api/v*/loyalty/account/{id}loyalty programget one loyalty enrolment	1796073934259354	1796073934259354	2	\N
77	POST /api/v*/loyalty/account/{id}/activate	Loyalty program	Activate a loyalty enrolment		none	[]	loyalty_write	77	post /api/v*/loyalty/account/{id}/activateloyalty programactivate a loyalty enrolment	1796073934259354	1796073934259354	2	\N
78	POST /api/v*/loyalty/account/{id}/bonus/charge	Loyalty program	Write off bonuses		none	[]	loyalty_write	78	post /api/v*/loyalty/account/{id}/bonus/chargeloyalty programwrite off bonuses	1796073934259354	1796073934259354	2	\N
79	POST /api/v*/loyalty/account/{id}/bonus/credit	Loyalty program	Grant bonuses		none	[]	loyalty_write	79	post /api/v*/loyalty/account/{id}/bonus/creditloyalty programgrant bonuses	1796073934259354	1796073934259354	2	\N
80	GET /api/v*/loyalty/account/{id}/bonus/operations	Loyalty program	List bonus movements of one enrolment		none	[]	loyalty_read	80	get /api/v*/loyalty/account/{id}/bonus/operationsloyalty programlist bonus movements of one enrolment	1796073934259354	1796073934259354	2	\N
81	GET /api/v*/loyalty/account/{id}/bonus/{status}/details	Loyalty program	Show the bonuses of one enrolment in a given state, with dates		none	[]	loyalty_read	81	get /api/v*/loyalty/account/{id}/bonus/{status}/detailsloyalty programshow the bonuses of one enrolment in a given state, with dates	1796073934259354	1796073934259354	2	\N
82	POST /api/v*/loyalty/account/{id}/edit	Loyalty program	Change a loyalty enrolment		none	[]	loyalty_write	82	post /api/v*/loyalty/account/{id}/editloyalty programchange a loyalty enrolment	1796073934259354	1796073934259354	2	\N
83	GET /api/v*/loyalty/accounts	Loyalty program	List loyalty enrolments by filter		optional	["query:filter[sites][]"]	loyalty_read	83	get /api/v*/loyalty/accountsloyalty programlist loyalty enrolments by filter	1796073934259354	1796073934259354	2	\N
84	GET /api/v*/loyalty/bonus/operations	Loyalty program	List bonus movements over all enrolments		none	[]	loyalty_read	84	get /api/v*/loyalty/bonus/operationsloyalty programlist bonus movements over all enrolments	1796073934259354	1796073934259354	2	\N
85	POST /api/v*/loyalty/calculate	Loyalty program	Compute discount and bonuses for an order		optional	["form:site","query:site","json:site","form:order#/customer/site","json:order#/customer/site"]	loyalty_write	85	post /api/v*/loyalty/calculateloyalty programcompute discount and bonuses for an order	1796073934259354	1796073934259354	2	\N
86	GET /api/v*/loyalty/loyalties	Loyalty program	List loyalty programs		optional	["query:filter[sites][]"]	loyalty_read	86	get /api/v*/loyalty/loyaltiesloyalty programlist loyalty programs	1796073934259354	1796073934259354	2	\N
87	GET /api/v*/loyalty/loyalties/{id}	Loyalty program	Get one loyalty program		none	[]	loyalty_read	87	get /api/v*/loyalty/loyalties/{id}loyalty programget one loyalty program	1796073934259354	1796073934259354	2	\N
88	POST /api/v*/marketplace/external/setting/{code}/edit	Marketplace modules	Register or change a marketplace module	Version 4 only.	none	[]	\N	88	post /api/v*/marketplace/external/setting/{code}/editmarketplace modulesregister or change a marketplace moduleversion 4 only.	1796073934259354	1796073934259354	2	\N
89	POST /api/v*/notifications/send	Notifications	Send a notification to system users		none	[]	\N	89	post /api/v*/notifications/sendnotificationssend a notification to system users	1796073934259354	1796073934259354	2	\N
90	GET /api/v*/orders	Orders	List orders by filter		optional	["query:filter[sites][]"]	order_read	90	get /api/v*/ordersorderslist orders by filter	1796073934259354	1796073934259354	2	\N
91	POST /api/v*/orders/combine	Orders	Merge two orders		none	[]	order_write	91	post /api/v*/orders/combineordersmerge two orders	1796073934259354	1796073934259354	2	\N
92	POST /api/v*/orders/create	Orders	Create an order		required	["form:site","query:site","json:site","form:order#/site","json:order#/site","form:order#/customer/site","json:order#/customer/site","form:order#/contact/site","json:order#/contact/site"]	order_write	92	post /api/v*/orders/createorderscreate an order	1796073934259354	1796073934259354	2	\N
93	POST /api/v*/orders/fix-external-ids	Orders	Set external IDs for many orders		optional	["form:site","query:site","json:site"]	order_write	93	post /api/v*/orders/fix-external-idsordersset external ids for many orders	1796073934259354	1796073934259354	2	\N
94	GET /api/v*/orders/history	Orders	Read order change history	Version 3 reads by date, later versions by change number.	none	[]	order_read	94	get /api/v*/orders/historyordersread order change historyversion 3 reads by date, later versions by change number.	1796073934259354	1796073934259354	2	\N
95	POST /api/v*/orders/links/create	Orders	Link orders to each other		optional	["form:site","query:site","json:site"]	order_write	95	post /api/v*/orders/links/createorderslink orders to each other	1796073934259354	1796073934259354	2	\N
96	POST /api/v*/orders/loyalty/apply	Orders	Spend loyalty bonuses on an order		optional	["form:site","query:site","json:site"]	order_write	96	post /api/v*/orders/loyalty/applyordersspend loyalty bonuses on an order	1796073934259354	1796073934259354	2	\N
97	POST /api/v*/orders/loyalty/cancel-bonus-operations	Orders	Undo an order's bonus movements		optional	["form:site","query:site","json:site"]	order_write	97	post /api/v*/orders/loyalty/cancel-bonus-operationsordersundo an order's bonus movements	1796073934259354	1796073934259354	2	\N
100	POST /api/v*/orders/payments/{id}/edit	Orders	Change an order payment	The id may be an external one: see the parameter by.	optional	["form:site","query:site","json:site"]	order_write	100	post /api/v*/orders/payments/{id}/editorderschange an order paymentthe id may be an external one: see the parameter by.	1796073934259354	1796073934259354	2	\N
101	GET /api/v*/orders/statuses	Orders	Get current statuses of given orders	The one method a CPA network needs. A request carries only order numbers and names no store.	none	[]	order_read	101	get /api/v*/orders/statusesordersget current statuses of given ordersthe one method a cpa network needs. a request carries only order numbers and names no store.	1796073934259354	1796073934259354	2	\N
102	POST /api/v*/orders/upload	Orders	Create orders in bulk		required	["form:site","query:site","json:site","form:orders#/-/site","json:orders#/-/site","form:orders#/-/customer/site","json:orders#/-/customer/site","form:orders#/-/contact/site","json:orders#/-/contact/site"]	order_write	102	post /api/v*/orders/uploadorderscreate orders in bulk	1796073934259354	1796073934259354	2	\N
103	GET /api/v*/orders/{externalId}	Orders	Get one order		optional	["query:site"]	order_read	103	get /api/v*/orders/{externalid}ordersget one order	1796073934259354	1796073934259354	2	\N
104	POST /api/v*/orders/{externalId}/edit	Orders	Change one order		optional	["form:site","query:site","json:site","form:order#/site","json:order#/site","form:order#/customer/site","json:order#/customer/site","form:order#/contact/site","json:order#/contact/site"]	order_write	104	post /api/v*/orders/{externalid}/editorderschange one order	1796073934259354	1796073934259354	2	\N
105	POST /api/v*/orders/{externalId}/delivery/cancel	Orders	Cancel the delivery of an order at the delivery service		none	[]	order_write	105	post /api/v*/orders/{externalid}/delivery/cancelorderscancel the delivery of an order at the delivery service	1796073934259354	1796073934259354	2	\N
106	GET /api/v*/orders/{externalId}/plates/{plateId}/print	Orders	Download a printed form of an order	Answers with a binary document, not with JSON.	optional	["query:site"]	order_read	106	get /api/v*/orders/{externalid}/plates/{plateid}/printordersdownload a printed form of an orderanswers with a binary document, not with json.	1796073934259354	1796073934259354	2	\N
107	GET /api/v*/orders/packs	Order packing	List packs by filter		none	[]	order_read	107	get /api/v*/orders/packsorder packinglist packs by filter	1796073934259354	1796073934259354	2	\N
108	POST /api/v*/orders/packs/create	Order packing	Create a pack		none	[]	order_write	108	post /api/v*/orders/packs/createorder packingcreate a pack	1796073934259354	1796073934259354	2	\N
109	GET /api/v*/orders/packs/history	Order packing	Read pack change history		none	[]	order_read	109	get /api/v*/orders/packs/historyorder packingread pack change history	1796073934259354	1796073934259354	2	\N
110	GET /api/v*/orders/packs/{id}	Order packing	Get one pack		none	[]	order_read	110	get /api/v*/orders/packs/{id}order packingget one pack	1796073934259354	1796073934259354	2	\N
111	POST /api/v*/orders/packs/{id}/delete	Order packing	Delete a pack		none	[]	order_write	111	post /api/v*/orders/packs/{id}/deleteorder packingdelete a pack	1796073934259354	1796073934259354	2	\N
112	POST /api/v*/orders/packs/{id}/edit	Order packing	Change a pack		none	[]	order_write	112	post /api/v*/orders/packs/{id}/editorder packingchange a pack	1796073934259354	1796073934259354	2	\N
113	POST /api/v*/payment/check	Payment invoices	Check whether an invoice may be paid	Payment modules also write it as /api/payment/(updateInvoice|check).	none	[]	payments_write	113	post /api/v*/payment/checkpayment invoicescheck whether an invoice may be paidpayment modules also write it as /api/payment/(updateinvoice|check).	1796073934259354	1796073934259354	2	\N
114	POST /api/v*/payment/create-invoice	Payment invoices	Create an invoice		none	[]	payments_write	114	post /api/v*/payment/create-invoicepayment invoicescreate an invoice	1796073934259354	1796073934259354	2	\N
115	POST /api/v*/payment/update-invoice	Payment invoices	Report invoice state changes	Payment modules also write it as /api/payment/(updateInvoice|check).	none	[]	payments_write	115	post /api/v*/payment/update-invoicepayment invoicesreport invoice state changespayment modules also write it as /api/payment/(updateinvoice|check).	1796073934259354	1796073934259354	2	\N
116	POST /api/v*/payment/invoice/import	Payment invoices	Import an existing invoice		none	[]	payments_write	116	post /api/v*/payment/invoice/importpayment invoicesimport an existing invoice	1796073934259354	1796073934259354	2	\N
117	GET /api/v*/payment/invoice/{invoiceUuid}	Payment invoices	Get one invoice		none	[]	payments_read	117	get /api/v*/payment/invoice/{invoiceuuid}payment invoicesget one invoice	1796073934259354	1796073934259354	2	\N
118	GET /api/v*/reference/cost-groups	Reference lists	List cost groups		none	[]	reference_read	118	get /api/v*/reference/cost-groupsreference listslist cost groups	1796073934259354	1796073934259354	2	\N
119	POST /api/v*/reference/cost-groups/{code}/edit	Reference lists	Create or change a cost group		none	[]	reference_write	119	post /api/v*/reference/cost-groups/{code}/editreference listscreate or change a cost group	1796073934259354	1796073934259354	2	\N
120	GET /api/v*/reference/cost-items	Reference lists	List cost items		none	[]	reference_read	120	get /api/v*/reference/cost-itemsreference listslist cost items	1796073934259354	1796073934259354	2	\N
121	POST /api/v*/reference/cost-items/{code}/edit	Reference lists	Create or change a cost item		none	[]	reference_write	121	post /api/v*/reference/cost-items/{code}/editreference listscreate or change a cost item	1796073934259354	1796073934259354	2	\N
122	GET /api/v*/reference/countries	Reference lists	List available country codes		none	[]	reference_read	122	get /api/v*/reference/countriesreference listslist available country codes	1796073934259354	1796073934259354	2	\N
123	GET /api/v*/reference/couriers	Reference lists	List couriers		none	[]	reference_read	123	get /api/v*/reference/couriersreference listslist couriers	1796073934259354	1796073934259354	2	\N
124	POST /api/v*/reference/couriers/create	Reference lists	Create a courier		none	[]	reference_write	124	post /api/v*/reference/couriers/createreference listscreate a courier	1796073934259354	1796073934259354	2	\N
125	POST /api/v*/reference/couriers/{id}/edit	Reference lists	Change a courier		none	[]	reference_write	125	post /api/v*/reference/couriers/{id}/editreference listschange a courier	1796073934259354	1796073934259354	2	\N
126	GET /api/v*/reference/currencies	Reference lists	List currencies		none	[]	reference_read	126	get /api/v*/reference/currenciesreference listslist currencies	1796073934259354	1796073934259354	2	\N
127	POST /api/v*/reference/currencies/create	Reference lists	Create a currency		none	[]	reference_write	127	post /api/v*/reference/currencies/createreference listscreate a currency	1796073934259354	1796073934259354	2	\N
128	POST /api/v*/reference/currencies/{id}/edit	Reference lists	Change a currency		none	[]	reference_write	128	post /api/v*/reference/currencies/{id}/editreference listschange a currency	1796073934259354	1796073934259354	2	\N
129	GET /api/v*/reference/delivery-services	Reference lists	List delivery services		none	[]	reference_read	129	get /api/v*/reference/delivery-servicesreference listslist delivery services	1796073934259354	1796073934259354	2	\N
130	POST /api/v*/reference/delivery-services/{code}/edit	Reference lists	Create or change a delivery service		none	[]	reference_write	130	post /api/v*/reference/delivery-services/{code}/editreference listscreate or change a delivery service	1796073934259354	1796073934259354	2	\N
131	GET /api/v*/reference/delivery-types	Reference lists	List delivery types		none	[]	reference_read	131	get /api/v*/reference/delivery-typesreference listslist delivery types	1796073934259354	1796073934259354	2	\N
132	POST /api/v*/reference/delivery-types/{code}/edit	Reference lists	Create or change a delivery type		optional	["form:deliveryType#/sites/-","json:deliveryType#/sites/-"]	reference_write	132	post /api/v*/reference/delivery-types/{code}/editreference listscreate or change a delivery type	1796073934259354	1796073934259354	2	\N
133	GET /api/v*/reference/legal-entities	Reference lists	List legal entities		none	[]	reference_read	133	get /api/v*/reference/legal-entitiesreference listslist legal entities	1796073934259354	1796073934259354	2	\N
134	POST /api/v*/reference/legal-entities/{code}/edit	Reference lists	Create or change a legal entity		none	[]	reference_write	134	post /api/v*/reference/legal-entities/{code}/editreference listscreate or change a legal entity	1796073934259354	1796073934259354	2	\N
135	GET /api/v*/reference/mg-channels	Reference lists	List messaging channels		none	[]	reference_read	135	get /api/v*/reference/mg-channelsreference listslist messaging channels	1796073934259354	1796073934259354	2	\N
136	GET /api/v*/reference/mg-channels/templates	Reference lists	List the message templates of a messaging channel		none	[]	reference_read	136	get /api/v*/reference/mg-channels/templatesreference listslist the message templates of a messaging channel	1796073934259354	1796073934259354	2	\N
137	POST /api/v*/reference/mg-channels/templates/edit	Reference lists	Save or remove message templates of a messaging channel		none	[]	reference_write	137	post /api/v*/reference/mg-channels/templates/editreference listssave or remove message templates of a messaging channel	1796073934259354	1796073934259354	2	\N
138	GET /api/v*/reference/order-methods	Reference lists	List order methods		none	[]	reference_read	138	get /api/v*/reference/order-methodsreference listslist order methods	1796073934259354	1796073934259354	2	\N
139	POST /api/v*/reference/order-methods/{code}/edit	Reference lists	Create or change an order method		none	[]	reference_write	139	post /api/v*/reference/order-methods/{code}/editreference listscreate or change an order method	1796073934259354	1796073934259354	2	\N
140	GET /api/v*/reference/order-types	Reference lists	List order types		none	[]	reference_read	140	get /api/v*/reference/order-typesreference listslist order types	1796073934259354	1796073934259354	2	\N
141	POST /api/v*/reference/order-types/{code}/edit	Reference lists	Create or change an order type		none	[]	reference_write	141	post /api/v*/reference/order-types/{code}/editreference listscreate or change an order type	1796073934259354	1796073934259354	2	\N
142	GET /api/v*/reference/payment-statuses	Reference lists	List payment statuses		none	[]	reference_read	142	get /api/v*/reference/payment-statusesreference listslist payment statuses	1796073934259354	1796073934259354	2	\N
143	POST /api/v*/reference/payment-statuses/{code}/edit	Reference lists	Create or change a payment status		none	[]	reference_write	143	post /api/v*/reference/payment-statuses/{code}/editreference listscreate or change a payment status	1796073934259354	1796073934259354	2	\N
144	GET /api/v*/reference/payment-types	Reference lists	List payment types		none	[]	reference_read	144	get /api/v*/reference/payment-typesreference listslist payment types	1796073934259354	1796073934259354	2	\N
145	POST /api/v*/reference/payment-types/{code}/edit	Reference lists	Create or change a payment type		optional	["form:paymentType#/sites/-","json:paymentType#/sites/-"]	reference_write	145	post /api/v*/reference/payment-types/{code}/editreference listscreate or change a payment type	1796073934259354	1796073934259354	2	\N
146	GET /api/v*/reference/price-types	Reference lists	List price types		none	[]	reference_read	146	get /api/v*/reference/price-typesreference listslist price types	1796073934259354	1796073934259354	2	\N
147	POST /api/v*/reference/price-types/{code}/edit	Reference lists	Create or change a price type		none	[]	reference_write	147	post /api/v*/reference/price-types/{code}/editreference listscreate or change a price type	1796073934259354	1796073934259354	2	\N
148	GET /api/v*/reference/product-statuses	Reference lists	List order item statuses		none	[]	reference_read	148	get /api/v*/reference/product-statusesreference listslist order item statuses	1796073934259354	1796073934259354	2	\N
149	POST /api/v*/reference/product-statuses/{code}/edit	Reference lists	Create or change an order item status		none	[]	reference_write	149	post /api/v*/reference/product-statuses/{code}/editreference listscreate or change an order item status	1796073934259354	1796073934259354	2	\N
150	GET /api/v*/reference/sites	Reference lists	List stores		none	[]	reference_read	150	get /api/v*/reference/sitesreference listslist stores	1796073934259354	1796073934259354	2	\N
151	POST /api/v*/reference/sites/{code}/edit	Reference lists	Create or change a store	The store is the code in the path; the form field "site" carries the store as JSON, not a code. A store must be known to Latchkey before it can be created this way.	required	["path:code"]	reference_write	151	post /api/v*/reference/sites/{code}/editreference listscreate or change a storethe store is the code in the path; the form field "site" carries the store as json, not a code. a store must be known to latchkey before it can be created this way.	1796073934259354	1796073934259354	2	\N
152	GET /api/v*/reference/status-groups	Reference lists	List groups of order statuses		none	[]	reference_read	152	get /api/v*/reference/status-groupsreference listslist groups of order statuses	1796073934259354	1796073934259354	2	\N
153	GET /api/v*/reference/statuses	Reference lists	List order statuses		none	[]	reference_read	153	get /api/v*/reference/statusesreference listslist order statuses	1796073934259354	1796073934259354	2	\N
154	POST /api/v*/reference/statuses/{code}/edit	Reference lists	Create or change an order status		none	[]	reference_write	154	post /api/v*/reference/statuses/{code}/editreference listscreate or change an order status	1796073934259354	1796073934259354	2	\N
155	GET /api/v*/reference/stores	Reference lists	List warehouses	These are warehouses; the online stores are under reference/sites.	none	[]	reference_read	155	get /api/v*/reference/storesreference listslist warehousesthese are warehouses; the online stores are under reference/sites.	1796073934259354	1796073934259354	2	\N
184	POST /api/v*/telephony/call/event	Telephony	Report a call event		optional	["form:event#/site","json:event#/site"]	telephony_write	184	post /api/v*/telephony/call/eventtelephonyreport a call event	1796073934259354	1796073934259354	2	\N
156	POST /api/v*/reference/stores/{code}/edit	Reference lists	Create or change a warehouse	These are warehouses; the online stores are under reference/sites.	none	[]	reference_write	156	post /api/v*/reference/stores/{code}/editreference listscreate or change a warehousethese are warehouses; the online stores are under reference/sites.	1796073934259354	1796073934259354	2	\N
157	GET /api/v*/reference/subscriptions	Reference lists	List mailing subscription categories		none	[]	reference_read	157	get /api/v*/reference/subscriptionsreference listslist mailing subscription categories	1796073934259354	1796073934259354	2	\N
158	POST /api/v*/reference/subscriptions/{channel}/{code}/edit	Reference lists	Create or change a subscription category		none	[]	reference_write	158	post /api/v*/reference/subscriptions/{channel}/{code}/editreference listscreate or change a subscription category	1796073934259354	1796073934259354	2	\N
159	GET /api/v*/reference/units	Reference lists	List units of measure		none	[]	reference_read	159	get /api/v*/reference/unitsreference listslist units of measure	1796073934259354	1796073934259354	2	\N
160	POST /api/v*/reference/units/{code}/edit	Reference lists	Create or change a unit of measure		none	[]	reference_write	160	post /api/v*/reference/units/{code}/editreference listscreate or change a unit of measure	1796073934259354	1796073934259354	2	\N
161	GET /api/v*/segments	Customer segments	List customer segments		none	[]	segment_read	161	get /api/v*/segmentscustomer segmentslist customer segments	1796073934259354	1796073934259354	2	\N
162	GET /api/v*/settings	System settings	Get system settings		none	[]	\N	162	get /api/v*/settingssystem settingsget system settings	1796073934259354	1796073934259354	2	\N
163	GET /api/v*/statistic/update	Statistics	Queue a refresh of statistics	Changes state although it is a GET.	none	[]	\N	163	get /api/v*/statistic/updatestatisticsqueue a refresh of statisticschanges state although it is a get.	1796073934259354	1796073934259354	2	\N
164	GET /api/v*/store/inventories	Stock and catalogue	List stock levels and purchase prices		optional	["query:filter[sites][]"]	store_read	164	get /api/v*/store/inventoriesstock and cataloguelist stock levels and purchase prices	1796073934259354	1796073934259354	2	\N
165	POST /api/v*/store/inventories/upload	Stock and catalogue	Update stock levels and purchase prices		optional	["form:site","query:site","json:site"]	store_write	165	post /api/v*/store/inventories/uploadstock and catalogueupdate stock levels and purchase prices	1796073934259354	1796073934259354	2	\N
166	GET /api/v*/store/offers	Stock and catalogue	List offers by filter		optional	["query:filter[sites][]"]	store_read	166	get /api/v*/store/offersstock and cataloguelist offers by filter	1796073934259354	1796073934259354	2	\N
167	POST /api/v*/store/prices/upload	Stock and catalogue	Update offer prices		optional	["form:prices#/-/site","json:prices#/-/site"]	store_write	167	post /api/v*/store/prices/uploadstock and catalogueupdate offer prices	1796073934259354	1796073934259354	2	\N
168	GET /api/v*/store/product-groups	Stock and catalogue	List product groups by filter		optional	["query:filter[sites][]"]	store_read	168	get /api/v*/store/product-groupsstock and cataloguelist product groups by filter	1796073934259354	1796073934259354	2	\N
169	POST /api/v*/store/product-groups/create	Stock and catalogue	Create a product group		optional	["form:productGroup#/site","json:productGroup#/site"]	store_write	169	post /api/v*/store/product-groups/createstock and cataloguecreate a product group	1796073934259354	1796073934259354	2	\N
170	POST /api/v*/store/product-groups/{externalId}/edit	Stock and catalogue	Change a product group		optional	["form:site","query:site","json:site","form:productGroup#/site","json:productGroup#/site"]	store_write	170	post /api/v*/store/product-groups/{externalid}/editstock and cataloguechange a product group	1796073934259354	1796073934259354	2	\N
171	GET /api/v*/store/products	Stock and catalogue	List products with their offers		optional	["query:filter[sites][]"]	store_read	171	get /api/v*/store/productsstock and cataloguelist products with their offers	1796073934259354	1796073934259354	2	\N
172	POST /api/v*/store/products/batch/create	Stock and catalogue	Create products in bulk		optional	["form:products#/-/site","json:products#/-/site"]	store_write	172	post /api/v*/store/products/batch/createstock and cataloguecreate products in bulk	1796073934259354	1796073934259354	2	\N
173	POST /api/v*/store/products/batch/edit	Stock and catalogue	Change products in bulk		optional	["form:products#/-/site","json:products#/-/site"]	store_write	173	post /api/v*/store/products/batch/editstock and cataloguechange products in bulk	1796073934259354	1796073934259354	2	\N
174	GET /api/v*/store/products/properties	Stock and catalogue	List product properties		optional	["query:filter[sites][]"]	store_read	174	get /api/v*/store/products/propertiesstock and cataloguelist product properties	1796073934259354	1796073934259354	2	\N
175	GET /api/v*/store/products/properties/values	Stock and catalogue	List values of product properties		none	[]	store_read	175	get /api/v*/store/products/properties/valuesstock and cataloguelist values of product properties	1796073934259354	1796073934259354	2	\N
176	GET /api/v*/store/setting/{code}	Stock and catalogue	Get warehouse integration settings	Version 4 only; newer versions use integration-modules.	none	[]	store_read	176	get /api/v*/store/setting/{code}stock and catalogueget warehouse integration settingsversion 4 only; newer versions use integration-modules.	1796073934259354	1796073934259354	2	\N
177	POST /api/v*/store/setting/{code}/edit	Stock and catalogue	Change warehouse integration settings	Version 4 only; newer versions use integration-modules.	none	[]	store_write	177	post /api/v*/store/setting/{code}/editstock and cataloguechange warehouse integration settingsversion 4 only; newer versions use integration-modules.	1796073934259354	1796073934259354	2	\N
178	GET /api/v*/tasks	Tasks	List tasks by filter		none	[]	task_read	178	get /api/v*/taskstaskslist tasks by filter	1796073934259354	1796073934259354	2	\N
179	POST /api/v*/tasks/create	Tasks	Create a task		optional	["form:site","query:site","json:site","form:task#/customer/site","json:task#/customer/site","form:task#/order/site","json:task#/order/site"]	task_write	179	post /api/v*/tasks/createtaskscreate a task	1796073934259354	1796073934259354	2	\N
180	GET /api/v*/tasks/history	Tasks	Read task change history		none	[]	task_read	180	get /api/v*/tasks/historytasksread task change history	1796073934259354	1796073934259354	2	\N
181	GET /api/v*/tasks/{id}	Tasks	Get one task		none	[]	task_read	181	get /api/v*/tasks/{id}tasksget one task	1796073934259354	1796073934259354	2	\N
182	GET /api/v*/tasks/{id}/comments	Tasks	List the comments on a task		none	[]	task_read	182	get /api/v*/tasks/{id}/commentstaskslist the comments on a task	1796073934259354	1796073934259354	2	\N
183	POST /api/v*/tasks/{id}/edit	Tasks	Change a task		optional	["form:site","query:site","json:site","form:task#/customer/site","json:task#/customer/site","form:task#/order/site","json:task#/order/site"]	task_write	183	post /api/v*/tasks/{id}/edittaskschange a task	1796073934259354	1796073934259354	2	\N
185	POST /api/v*/telephony/calls/upload	Telephony	Upload call records		optional	["form:calls#/-/site","json:calls#/-/site"]	telephony_write	185	post /api/v*/telephony/calls/uploadtelephonyupload call records	1796073934259354	1796073934259354	2	\N
186	GET /api/v*/telephony/manager	Telephony	Find the manager for a phone number		none	[]	telephony_read	186	get /api/v*/telephony/managertelephonyfind the manager for a phone number	1796073934259354	1796073934259354	2	\N
187	POST /api/v*/telephony/setting/{code}	Telephony	Create or change telephony settings	Version 3 only; one client library writes telephony/settings/{code} by mistake, which is not in this book.	none	[]	telephony_write	187	post /api/v*/telephony/setting/{code}telephonycreate or change telephony settingsversion 3 only; one client library writes telephony/settings/{code} by mistake, which is not in this book.	1796073934259354	1796073934259354	2	\N
188	GET /api/v*/telephony/setting/{code}	Telephony	Get telephony settings	Versions 3 and 4 only.	none	[]	telephony_read	188	get /api/v*/telephony/setting/{code}telephonyget telephony settingsversions 3 and 4 only.	1796073934259354	1796073934259354	2	\N
189	POST /api/v*/telephony/setting/{code}/edit	Telephony	Create or change telephony settings	Version 4 only.	none	[]	telephony_write	189	post /api/v*/telephony/setting/{code}/edittelephonycreate or change telephony settingsversion 4 only.	1796073934259354	1796073934259354	2	\N
190	GET /api/v*/user-groups	Users	List user groups		none	[]	user_read	190	get /api/v*/user-groupsuserslist user groups	1796073934259354	1796073934259354	2	\N
191	GET /api/v*/users	Users	List users by filter		none	[]	user_read	191	get /api/v*/usersuserslist users by filter	1796073934259354	1796073934259354	2	\N
192	GET /api/v*/users/{id}	Users	Get one user		none	[]	user_read	192	get /api/v*/users/{id}usersget one user	1796073934259354	1796073934259354	2	\N
193	POST /api/v*/users/{id}/status	Users	Change whether a user is present		none	[]	user_write	193	post /api/v*/users/{id}/statususerschange whether a user is present	1796073934259354	1796073934259354	2	\N
194	POST /api/v*/verification/sms/send	Code verification	Send a verification code by text message again		none	[]	verification_write	194	post /api/v*/verification/sms/sendcode verificationsend a verification code by text message again	1796073934259354	1796073934259354	2	\N
195	POST /api/v*/verification/sms/confirm	Code verification	Confirm a verification code		none	[]	verification_write	195	post /api/v*/verification/sms/confirmcode verificationconfirm a verification code	1796073934259354	1796073934259354	2	\N
196	GET /api/v*/verification/sms/{checkId}/status	Code verification	Check a verification's state		none	[]	verification_read	196	get /api/v*/verification/sms/{checkid}/statuscode verificationcheck a verification's state	1796073934259354	1796073934259354	2	\N
197	POST /api/v*/web-analytics/client-ids/upload	Web analytics	Upload analytics client IDs		optional	["form:clientIds#/-/site","json:clientIds#/-/site"]	analytics_write	197	post /api/v*/web-analytics/client-ids/uploadweb analyticsupload analytics client ids	1796073934259354	1796073934259354	2	\N
198	POST /api/v*/web-analytics/sources/upload	Web analytics	Upload traffic sources		optional	["form:sources#/-/site","json:sources#/-/site"]	analytics_write	198	post /api/v*/web-analytics/sources/uploadweb analyticsupload traffic sources	1796073934259354	1796073934259354	2	\N
199	POST /api/v*/web-analytics/visits/upload	Web analytics	Upload site visits		optional	["form:visits#/-/site","json:visits#/-/site"]	analytics_write	199	post /api/v*/web-analytics/visits/uploadweb analyticsupload site visits	1796073934259354	1796073934259354	2	\N
\.


--
-- Data for Name: operators; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.operators (id, name, role, digest, hint, expires_at, revoked_at, created_at, updated_at, row_revision) FROM stdin;
op_01a22e59-3a60-7292-8327-2be347b9f83e	admin	admin	\\xd1d39cf1c2626fd873f9bbbfa6a970181407fff8bcaccbc8348f3deddf2ea838	BRsh	\N	\N	1796073929312170	1796073929312170	1
op_01a22e59-4ee7-7f71-8d0f-1fd2a42ffe80	order-api	authorizer	\\x136f6809aebfc171299c7316b0465bbf9bee40dee3b66ae6e6798b3804b50ce7	NQOs	\N	\N	1796073934567304	1796073934567304	17
\.


--
-- Data for Name: refinery_schema_history; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.refinery_schema_history (version, name, applied_on, checksum) FROM stdin;
1	first	2026-11-30T21:25:29.261274942Z	16702319119332486245
2	sessions	2026-11-30T21:25:29.261283281Z	11228282855439246139
3	ends	2026-11-30T21:25:29.261284568Z	1157297568039281380
\.


--
-- Data for Name: replicas; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.replicas (id, host, version, started_at, applied, reported_at) FROM stdin;
\.


--
-- Data for Name: requests; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.requests (actor, request_id, key_id, created_at) FROM stdin;
\.


--
-- Data for Name: revision; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.revision (one, value, nonce) FROM stdin;
1	17	-6813555598994011335
\.


--
-- Data for Name: secret_uses; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.secret_uses (secret_id, last_used_at) FROM stdin;
sec_01a22e59-4e11-7a7f-aa9b-34a36f4d5b72	1796073934593513
sec_01a22e59-4e24-718e-82ea-86c782e9de45	1796073934607599
\.


--
-- Data for Name: secrets; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.secrets (id, key_id, digest, hint, origin, created_at, expires_at, ended_at, created_revision) FROM stdin;
sec_01a22e59-4e11-7a7f-aa9b-34a36f4d5b72	key_01a22e59-4e11-7e8f-8c94-303cce60d931	\\xc22397d64af5a9814c9b0d0c6a2fd7f67b4f960e930f66d04ee23061157bee18	QMa7	issued	1796073934353785	\N	\N	6
sec_01a22e59-4e24-718e-82ea-86c782e9de45	key_01a22e59-4e24-7b5d-953d-95fa47f4424a	\\x8f4483b6134facf1f66a0020c8396011e520b09bd567c24836620b7eb1556e67	Dzaa	issued	1796073934372846	\N	\N	7
sec_01a22e59-4e32-7138-b6dc-3d028b39dd96	key_01a22e59-4e32-7d99-985f-8d604696f9dd	\\x397d2181732f1b24782df963a0083e507722c806c4955d2c67a32d6e7195d805	aIl3	issued	1796073934386875	\N	\N	8
sec_01a22e59-4e40-792b-b007-cfa6e6221357	key_01a22e59-4e40-72ac-84e5-249565894556	\\x548db154a50549c6038405eefb4d4c84362d9be068c2b4bb0446b0c98ea4fec8	fmfJ	issued	1796073934400995	\N	1796073934419469	9
sec_01a22e59-4e69-7cea-963c-ce57c2f7349c	key_01a22e59-4e69-7185-b744-5da2aa69e1b9	\\x97830119677fbbc77db858b555d926da42d36bb7bfb32320446515d8af014e76	XBfy	issued	1796073934441778	\N	1796073934461102	11
sec_01a22e59-4e7d-79ac-8d19-cbee14cd7e0f	key_01a22e59-4e69-7185-b744-5da2aa69e1b9	\\xab3388026189aa13bad50191b8676fcbb219850a559d96b089651242d237ef19	hEzK	issued	1796073934461102	\N	\N	12
sec_01a22e59-4e93-7e3e-ad78-c44c4030e47d	key_01a22e59-4e93-7910-9ef1-6fc6aafb950e	\\x305c7b89a95570511724448a670795b92af1a4de5406b7a2e669b4b70c036aea	9kqh	issued	1796073934483399	\N	1796073934502648	13
\.


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sessions (digest, operator_id, operator_revision, created_at, seen_at) FROM stdin;
\.


--
-- Data for Name: store_hosts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.store_hosts (host, store_number) FROM stdin;
\.


--
-- Data for Name: stores; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.stores (number, code, name, kind, platform, hosts, active, search, created_at, updated_at, row_revision, deleted_revision) FROM stdin;
1	main	Main shop	online_store	1c-bitrix	[]	t	mainmain shop	1796073934310706	1796073934310706	3	\N
2	second	Second shop	site		[]	t	secondsecond shop	1796073934325703	1796073934325703	4	\N
3	closed	Closed shop	landing_page		[]	t	closedclosed shop	1796073934340824	1796073934547139	16	16
\.


--
-- Data for Name: usage_daily; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.usage_daily (key_id, start, method_number, store_number, allowed, calls) FROM stdin;
key_01a22e59-4e11-7e8f-8c94-303cce60d931	1795996800000000	101	1	t	1
key_01a22e59-4e24-7b5d-953d-95fa47f4424a	1795996800000000	101	1	t	1
key_01a22e59-4e40-72ac-84e5-249565894556	1795996800000000	101	1	f	1
\.


--
-- Data for Name: usage_hourly; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.usage_hourly (key_id, start, method_number, store_number, allowed, calls) FROM stdin;
key_01a22e59-4e11-7e8f-8c94-303cce60d931	1796072400000000	101	1	t	1
key_01a22e59-4e24-7b5d-953d-95fa47f4424a	1796072400000000	101	1	t	1
key_01a22e59-4e40-72ac-84e5-249565894556	1796072400000000	101	1	f	1
\.


--
-- Name: methods_number_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.methods_number_seq', 199, true);


--
-- Name: stores_number_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.stores_number_seq', 3, true);


--
-- Name: changes changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (revision, ordinal);


--
-- Name: key_methods key_methods_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.key_methods
    ADD CONSTRAINT key_methods_pkey PRIMARY KEY (key_id, method_number);


--
-- Name: key_stores key_stores_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.key_stores
    ADD CONSTRAINT key_stores_pkey PRIMARY KEY (key_id, store_number);


--
-- Name: key_uses key_uses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.key_uses
    ADD CONSTRAINT key_uses_pkey PRIMARY KEY (key_id);


--
-- Name: keys keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);


--
-- Name: meta meta_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);


--
-- Name: methods methods_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.methods
    ADD CONSTRAINT methods_pkey PRIMARY KEY (number);


--
-- Name: operators operators_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operators
    ADD CONSTRAINT operators_pkey PRIMARY KEY (id);


--
-- Name: refinery_schema_history refinery_schema_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refinery_schema_history
    ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);


--
-- Name: replicas replicas_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (id);


--
-- Name: requests requests_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (actor, request_id);


--
-- Name: revision revision_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revision
    ADD CONSTRAINT revision_pkey PRIMARY KEY (one);


--
-- Name: secret_uses secret_uses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secret_uses
    ADD CONSTRAINT secret_uses_pkey PRIMARY KEY (secret_id);


--
-- Name: secrets secrets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (digest);


--
-- Name: store_hosts store_hosts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.store_hosts
    ADD CONSTRAINT store_hosts_pkey PRIMARY KEY (host);


--
-- Name: stores stores_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.stores
    ADD CONSTRAINT stores_pkey PRIMARY KEY (number);


--
-- Name: usage_daily usage_daily_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_daily
    ADD CONSTRAINT usage_daily_pkey PRIMARY KEY (key_id, start, method_number, store_number, allowed);


--
-- Name: usage_hourly usage_hourly_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_hourly
    ADD CONSTRAINT usage_hourly_pkey PRIMARY KEY (key_id, start, method_number, store_number, allowed);


--
-- Name: changes_actor; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX changes_actor ON public.changes USING btree (actor, revision, ordinal);


--
-- Name: changes_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX changes_at ON public.changes USING btree (at);


--
-- Name: changes_kind; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX changes_kind ON public.changes USING btree (subject_kind, revision, ordinal);


--
-- Name: changes_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX changes_subject ON public.changes USING btree (subject_kind, subject_id, revision, ordinal);


--
-- Name: key_methods_method; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX key_methods_method ON public.key_methods USING btree (method_number, key_id);


--
-- Name: key_stores_store; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX key_stores_store ON public.key_stores USING btree (store_number, key_id);


--
-- Name: key_uses_last; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX key_uses_last ON public.key_uses USING btree (last_used_at, key_id);


--
-- Name: key_uses_used; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX key_uses_used ON public.key_uses USING btree (key_id) WHERE (last_used_at > 0);


--
-- Name: keys_all_methods; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_all_methods ON public.keys USING btree (all_methods, id) WHERE (deleted_revision IS NULL);


--
-- Name: keys_all_stores; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_all_stores ON public.keys USING btree (all_stores, id) WHERE (deleted_revision IS NULL);


--
-- Name: keys_ends; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_ends ON public.keys USING btree (id, expires_at) WHERE ((deleted_revision IS NULL) AND (expires_at IS NOT NULL));


--
-- Name: keys_expires; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_expires ON public.keys USING btree (expires_at, id) WHERE ((deleted_revision IS NULL) AND (expires_at IS NOT NULL));


--
-- Name: keys_owner; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_owner ON public.keys USING btree (owner, id) WHERE (deleted_revision IS NULL);


--
-- Name: keys_revoked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_revoked ON public.keys USING btree (revoked, id) WHERE (deleted_revision IS NULL);


--
-- Name: keys_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_search ON public.keys USING gin (search public.gin_trgm_ops) WHERE (deleted_revision IS NULL);


--
-- Name: keys_usable; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX keys_usable ON public.keys USING btree (usable, id) WHERE (deleted_revision IS NULL);


--
-- Name: methods_identity; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX methods_identity ON public.methods USING btree (identity) WHERE (retired_revision IS NULL);


--
-- Name: methods_position; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX methods_position ON public.methods USING btree ("position", number) WHERE (retired_revision IS NULL);


--
-- Name: operators_digest; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX operators_digest ON public.operators USING btree (digest);


--
-- Name: operators_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX operators_name ON public.operators USING btree (name) WHERE (revoked_at IS NULL);


--
-- Name: requests_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX requests_created ON public.requests USING btree (created_at);


--
-- Name: secrets_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX secrets_created ON public.secrets USING btree (created_revision);


--
-- Name: secrets_digest; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX secrets_digest ON public.secrets USING btree (digest);


--
-- Name: secrets_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX secrets_key ON public.secrets USING btree (key_id);


--
-- Name: sessions_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_created ON public.sessions USING btree (created_at);


--
-- Name: store_hosts_store; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX store_hosts_store ON public.store_hosts USING btree (store_number);


--
-- Name: stores_code; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX stores_code ON public.stores USING btree (code) WHERE (deleted_revision IS NULL);


--
-- Name: usage_daily_start; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_daily_start ON public.usage_daily USING btree (start);


--
-- Name: usage_hourly_start; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_hourly_start ON public.usage_hourly USING btree (start);


--
-- Name: store_hosts store_hosts_store_number_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.store_hosts
    ADD CONSTRAINT store_hosts_store_number_fkey FOREIGN KEY (store_number) REFERENCES public.stores(number);


--
-- PostgreSQL database dump complete
--


