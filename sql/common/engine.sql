-- The functions written in C. Those whose name begins with an underscore are steps of the public functions and are
-- granted to nobody.

CREATE FUNCTION acct.current_batch() RETURNS bigint
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_current_batch';
COMMENT ON FUNCTION acct.current_batch() IS
'The batch that the current transaction loads into, the default of acct.txn_source_parent.batch_id: the same batch_id until it ends, or until a run takes the batch; NULL in a transaction that is read-only. The first row that is loaded registers it in acct.txn_batch.';

CREATE FUNCTION acct._is_own_batch(batch_id bigint, txn_id bigint, txn_month date) RETURNS boolean
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_is_own_batch';
COMMENT ON FUNCTION acct._is_own_batch(bigint, bigint, date) IS
'The CHECK of acct.txn_source_parent, which registers the batch with its first row and queues it with the first row of each month: true for a row of the transaction''s own batch, an UPDATE that keeps the batch, and superusers. Raises LE008 otherwise.';

CREATE FUNCTION acct._note_update(p_txn_id bigint, p_txn_month date, p_batch_id bigint, p_moves boolean, p_new_month boolean) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_note_update';
COMMENT ON FUNCTION acct._note_update(bigint, date, bigint, boolean, boolean) IS
'Tells the CHECK of acct.txn_source_parent of the row that an UPDATE stores next, and whether it moves to another batch, or another month.';

CREATE FUNCTION acct._end_batch(p_batch_id bigint) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_end_batch';
COMMENT ON FUNCTION acct._end_batch(bigint) IS
'Where this is the batch of the current transaction, has what it loads from here on be another batch.';

CREATE FUNCTION acct._summarize_index(p_index regclass) RETURNS boolean
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_summarize_index';
COMMENT ON FUNCTION acct._summarize_index(regclass) IS
'Has a BRIN index know the rows that came lately; false, and nothing is done, where VACUUM or another session is at it.';

CREATE FUNCTION acct._gets_run_partition(p_transactions bigint) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_gets_run_partition';
COMMENT ON FUNCTION acct._gets_run_partition(bigint) IS
'True where a run of so many transactions gets ledger partitions of its own (ledger_engine.run_partition_min_transactions).';

CREATE FUNCTION acct._gets_staging_table(p_transactions bigint) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_gets_staging_table';
COMMENT ON FUNCTION acct._gets_staging_table(bigint) IS
'True where a run of so many transactions gets staging tables of its own (ledger_engine.staging_table_min_transactions).';

CREATE FUNCTION acct._follow_parent(p_child regclass) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_follow_parent';
COMMENT ON FUNCTION acct._follow_parent(regclass) IS
'Has a child by inheritance have its columns from its parent alone, so that one that is dropped from the parent goes from the child too.';

CREATE FUNCTION acct._lock_number(p_table regclass, p_number bigint, p_alone boolean) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_lock_number';
COMMENT ON FUNCTION acct._lock_number(regclass, bigint, boolean) IS
'Locks a number that a table has, to the end of the transaction: alone, or together with others that do not lock it alone. pg_locks shows it as an object whose class is the table.';

CREATE FUNCTION acct._in_maintenance() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_in_maintenance';
COMMENT ON FUNCTION acct._in_maintenance() IS
'True while one of the engine''s own functions changes rows that triggers protect (ledger_engine.maintenance, which only a superuser can set).';

CREATE FUNCTION acct._session_role() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_session_role';
COMMENT ON FUNCTION acct._session_role() IS
'The session''s user by what stays when the role is renamed: its identifier, which means something in this cluster only, and the cluster''s.';

CREATE FUNCTION acct._key_columns(p_table regclass) RETURNS text[]
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_key_columns';
COMMENT ON FUNCTION acct._key_columns(regclass) IS 'The columns of a table''s primary key, in the order of the table; empty where it has none.';

CREATE FUNCTION acct._owns_tables(p_tables text[]) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_owns_tables';
COMMENT ON FUNCTION acct._owns_tables(text[]) IS 'True where the current user owns these tables of the engine.';

CREATE FUNCTION acct._part_of_row(p_columns text[], p_row jsonb) RETURNS jsonb
LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'ledger_part_of_row';
COMMENT ON FUNCTION acct._part_of_row(text[], jsonb) IS 'Some columns of a row, as far as it has them; NULL of no row.';

CREATE FUNCTION acct.check_expression(expr text, kind text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_check_expression';
COMMENT ON FUNCTION acct.check_expression(text, text) IS
'Checks a template expression against the columns of acct.txn_source_parent and returns it as the server understood it; kind is ''amount'' or ''condition''. Raises LE003, with the position in the text, where the expression is refused.';

CREATE FUNCTION acct._examine_expression(p_expr text, p_kind text,
    OUT message text, OUT hint text, OUT "position" integer, OUT is_constant boolean, OUT constant text, OUT is_never boolean,
    OUT hides text, OUT hides_at integer)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_examine_expression';
COMMENT ON FUNCTION acct._examine_expression(text, text) IS
'Why a template expression is refused, and where; of one that is not, whether it is constant, its value, and whether no row fulfils it. hides is the first function that skips a value which may be NULL, hides_at its place.';

CREATE FUNCTION acct._compare_conditions(p_condition text, p_other text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_compare_conditions';
COMMENT ON FUNCTION acct._compare_conditions(text, text) IS
'implies (each row that fulfils a condition fulfils the other), excludes (none does) or unknown.';

CREATE FUNCTION acct.month_start(d date) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_month_start';
COMMENT ON FUNCTION acct.month_start(date) IS 'The first day of the month of d. May be used in expressions.';

CREATE FUNCTION acct.month_end(d date) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_month_end';
COMMENT ON FUNCTION acct.month_end(date) IS 'The last day of the month of d. May be used in expressions.';

CREATE FUNCTION acct.days_in_month(d date) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_days_in_month';
COMMENT ON FUNCTION acct.days_in_month(date) IS 'The number of days (28 to 31) of the month of d. May be used in expressions.';

CREATE FUNCTION acct.to_code(d date, format text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_to_code';
COMMENT ON FUNCTION acct.to_code(date, text) IS
'd written as a code: in format, YYYY, YY, MM, DD, Q (quarter) and DDD (day of the year) are replaced, all else is copied. Unlike to_char it is immutable, so expressions may use it: acct.to_code(''2025-03-09'', ''YYYY-Q'') is 2025-1.';

CREATE FUNCTION acct._expand(p_run_id bigint, p_header regclass, p_line regclass, p_place tid[] DEFAULT '{}',
    OUT source_partition text, OUT transactions bigint, OUT journals bigint, OUT lines bigint,
    OUT exceptions bigint, OUT ignored bigint, OUT debit numeric, OUT credit numeric, OUT elapsed_ms double precision,
    OUT by_reason jsonb)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_expand';
COMMENT ON FUNCTION acct._expand(bigint, regclass, regclass, tid[]) IS
'The data path of expand_journals: reads the run''s source rows, writes journals into the two staging tables, exceptions into acct.je_exception, totals into acct.journal_run_total and acct.journal_run. A row for each source partition, with its exceptions by reason; p_place is the first and the last place of the rows in the month''s table, if known (acct._count_batches).';

CREATE FUNCTION acct._evaluate(p_run_id bigint, p_header regclass, p_line regclass,
    p_posted_tables regclass[], p_posted text, p_corrections text, p_policy text[] DEFAULT NULL,
    OUT source_partition text, OUT transactions bigint, OUT journals bigint, OUT lines bigint,
    OUT exceptions bigint, OUT ignored bigint, OUT debit numeric, OUT credit numeric, OUT elapsed_ms double precision,
    OUT by_reason jsonb, OUT buckets bytea)
RETURNS SETOF record
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_evaluate';
COMMENT ON FUNCTION acct._evaluate(bigint, regclass, regclass, regclass[], text, text, text[]) IS
'The data path of expand_journals for corrections: evaluates the transactions of the run that is corrected, and expands those that may differ from the lines posted for them, which tables and two queries have (NULL: none), as acct._expand does. The first row has buckets, by which acct._in_buckets() finds them; p_policy is the policy, as acct._policy_with() returns it (NULL: the approved one).';

CREATE FUNCTION acct._compare_sums(p_month date, p_entity text, p_basis text, p_before text[], p_after text[],
    OUT entity_code text, OUT basis text, OUT fund text, OUT account_code text, OUT currency text, OUT product_code text, OUT template_code text,
    OUT is_after boolean, OUT debit numeric, OUT credit numeric, OUT lines bigint)
RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_compare_sums';
COMMENT ON FUNCTION acct._compare_sums(date, text, text, text[], text[]) IS
'Rows that add up to the lines of a month''s transactions whose journals differ between two policies, by the one and (is_after) by the other. Policies are as acct._policy_with() returns them; entity and basis NULL: all.';

CREATE FUNCTION acct._compare_transactions(p_month date, p_entity text, p_basis text, p_before text[], p_after text[], p_most integer,
    OUT change text, OUT number bigint, OUT txn_id bigint, OUT basis text, OUT entity_code text, OUT je_date date, OUT currency text, OUT amount numeric,
    OUT outcome_before text, OUT outcome_after text, OUT template_before text, OUT template_after text, OUT version_before integer, OUT version_after integer,
    OUT reason_before text, OUT reason_after text, OUT message_before text, OUT message_after text)
RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_compare_transactions';
COMMENT ON FUNCTION acct._compare_transactions(date, text, text, text[], text[], integer) IS
'The same, as rows of transactions: at least the p_most of each kind of change that change most, and rows without txn_id whose number adds up to how many there are of the kind.';

CREATE FUNCTION acct._preview_journals(p_month date, p_before text[], p_policy text[], p_template text, p_txn_id bigint, p_basis text, p_most integer,
    OUT txn_id bigint, OUT basis text, OUT outcome text, OUT entity_code text, OUT je_date date, OUT txn_type text, OUT product_code text, OUT channel text,
    OUT currency text, OUT template_code text, OUT template_version integer, OUT line_no smallint, OUT account_code text, OUT fund text,
    OUT debit numeric, OUT credit numeric, OUT reason text, OUT message text)
RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_preview_journals';
COMMENT ON FUNCTION acct._preview_journals(date, text[], text[], text, bigint, text, integer) IS
'The journals that a policy makes of the first p_most transactions of a month, line by line, or why it makes none. Filters (NULL: any) are transactions of which p_before makes something else, those that p_template takes, one transaction, and one basis.';

CREATE FUNCTION acct._replay(p_run_id bigint, p_policy text[],
    OUT transactions bigint, OUT journals bigint, OUT lines bigint, OUT exceptions bigint, OUT ignored bigint, OUT digest text, OUT source_digest text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_replay';
COMMENT ON FUNCTION acct._replay(bigint, text[]) IS
'Expands the transactions of a run by a policy, as acct._policy_then() returns it, and writes nothing: counts, the digest of its lines and that of its source rows.';

CREATE FUNCTION acct._replay_lines(p_run_id bigint, p_policy text[],
    OUT txn_id bigint, OUT basis text, OUT line_no smallint, OUT je_date date, OUT entity_code text, OUT account_code text, OUT fund text, OUT currency text,
    OUT product_code text, OUT channel text, OUT debit numeric, OUT credit numeric)
RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_replay_lines';
COMMENT ON FUNCTION acct._replay_lines(bigint, text[]) IS 'The lines of the same journals.';

CREATE FUNCTION acct._explain(p_month date, p_txn_id bigint, p_basis text, p_policy text[], p_source text,
    OUT kind text, OUT template_code text, OUT version integer, OUT number integer, OUT status text, OUT account_code text, OUT fund text,
    OUT debit numeric, OUT credit numeric, OUT detail text)
RETURNS SETOF record
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'ledger_explain';
COMMENT ON FUNCTION acct._explain(date, bigint, text, text[], text) IS
'How a policy makes the journal of one transaction of a FROM item in one basis, or why it makes none: its rules, the template, its lines, and the outcome, a row for each; details are JSON. No row: there is no such transaction.';

CREATE FUNCTION acct._in_buckets(p_buckets bytea, p_txn_id bigint, p_basis text) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'ledger_in_buckets';
COMMENT ON FUNCTION acct._in_buckets(bytea, bigint, text) IS
'True where a transaction is among those of which acct._evaluate() found that they may differ in a basis: all that do, and a few that do not.';

CREATE FUNCTION acct._book_differences(p_run_id bigint, p_header regclass, p_line regclass, p_journals text, p_buckets bytea, p_expected regclass,
    p_posted_tables regclass[], p_posted text, p_posted_of text, p_corrections text, p_few bigint,
    OUT by_basis jsonb, OUT evaluation_digest text, OUT later bigint, OUT latest date)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_book_differences';
COMMENT ON FUNCTION acct._book_differences(bigint, regclass, regclass, text, bytea, regclass, regclass[], text, text, text, bigint) IS
'The data path of expand_journals for corrections, after acct._evaluate(): compares the lines of p_expected with those posted for the journals of a query, which acct._in_buckets($1), and writes a journal for each difference into staging, with totals. Lines are posted in tables and a query, or for fewer journals than p_few in a query by their numbers ($1), and for earlier corrections; later counts corrected journals that are dated after the correction, latest is their last date.';

CREATE FUNCTION acct._expand_reversal(p_run_id bigint, p_header regclass, p_line regclass,
    OUT source_partition text, OUT journals bigint, OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT elapsed_ms double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_expand_reversal';
COMMENT ON FUNCTION acct._expand_reversal(bigint, regclass, regclass) IS
'The data path of expand_journals for reversals: reads the journals that the run claimed, writes them with sides swapped into the two staging tables, totals into acct.journal_run_total and acct.journal_run. A row for each table of headers; raises LE009 unless the journals are as many as were claimed, and have the lines that they promise.';

CREATE FUNCTION acct._post(p_run_id bigint, p_header regclass, p_line regclass,
    p_months date[], p_header_partitions regclass[], p_line_partitions regclass[], p_range_partitions regclass[],
    OUT month date, OUT journals bigint, OUT lines bigint, OUT debit numeric, OUT credit numeric,
    OUT elapsed_ms double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_post';
COMMENT ON FUNCTION acct._post(bigint, regclass, regclass, date[], regclass[], regclass[], regclass[]) IS
'The data path of post_journals: copies the run''s staging into the ledger partitions of its months (lines of the run''s own range into p_range_partitions) and gives out je_number; a row for each ledger month. Raises LE009 unless counts, sums and digests of headers and lines are those that expand recorded.';

CREATE FUNCTION acct._digest_lines(p_query text,
    OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_digest_lines';
COMMENT ON FUNCTION acct._digest_lines(text) IS
'Count, sums and digest (32 hexadecimal digits) of the lines that a query returns; the query''s columns are txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit.';

CREATE FUNCTION acct._digest_table(p_table regclass,
    OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_digest_table';
COMMENT ON FUNCTION acct._digest_table(regclass) IS
'Count, sums and digest of all lines in a table of staging, as acct._digest_lines computes them, read by page with parallel workers.';

CREATE FUNCTION acct._digest_staged_lines(p_table regclass, p_run_id bigint, p_added text[],
    OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text, OUT added text, OUT added_columns text[], OUT added_types text[])
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_digest_staged_lines';
COMMENT ON FUNCTION acct._digest_staged_lines(regclass, bigint, text[]) IS
'The same of the lines that a run has in a table of staging, found by index where small runs share it. added is the digest of the columns p_added (NULL: all that the site added, with je_id and line_no), as far as the table has them; added_columns and added_types are what it is of, and NULL where that is nothing.';

CREATE FUNCTION acct._digest_added(p_query text, p_names text[]) RETURNS text
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_digest_added';
COMMENT ON FUNCTION acct._digest_added(text, text[]) IS
'The digest (32 hexadecimal digits) of what a query returns of lines, over all its columns, which have these names (p_names) in their order: je_id, line_no, and those that a site added.';

CREATE FUNCTION acct._digest_values(p_query text, p_names text[]) RETURNS text
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_digest_values';
COMMENT ON FUNCTION acct._digest_values(text, text[]) IS
'The digest (32 hexadecimal digits) of all columns of a query''s rows, which have these names in their order. It is the same for rows in a table and for those that were written to a file and read from it.';

CREATE FUNCTION acct._digest_source(p_tables regclass[], p_month date, p_batches bigint[], p_columns text[],
    OUT rows bigint, OUT gross numeric, OUT digest text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_digest_source';
COMMENT ON FUNCTION acct._digest_source(regclass[], date, bigint[], text[]) IS
'Count, gross and digest (32 hexadecimal digits, over the columns given) of a month''s source rows of these batches in these tables, read by page with parallel workers; gross is NULL where gross_amount is no numeric(20,4).';

CREATE FUNCTION acct._digest_rows(p_query text, p_columns text[], OUT rows bigint, OUT gross numeric, OUT digest text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_digest_rows';
COMMENT ON FUNCTION acct._digest_rows(text, text[]) IS
'The same of the source rows that a query returns.';

CREATE FUNCTION acct._digest_staged_headers(p_table regclass, p_run_id bigint, p_columns text[],
    OUT journals bigint, OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text, OUT columns text[], OUT types text[])
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ledger_digest_staged_headers';
COMMENT ON FUNCTION acct._digest_staged_headers(regclass, bigint, text[]) IS
'Count, sums and digest of the headers that a run has in a table of staging, over these columns as far as it still has them (NULL: all); columns and types are those that it is of. A sum is NULL where a total is no amount.';

CREATE FUNCTION acct._digest_headers(p_query text, p_names text[], p_columns text[],
    OUT journals bigint, OUT lines bigint, OUT debit numeric, OUT credit numeric, OUT digest text, OUT columns text[], OUT types text[])
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_digest_headers';
COMMENT ON FUNCTION acct._digest_headers(text, text[], text[]) IS
'The same of the headers that a query returns, whose columns are of these names (p_names) in their order.';

CREATE FUNCTION acct._flush_wal() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_flush_wal';
COMMENT ON FUNCTION acct._flush_wal() IS
'Writes to disk what the transaction has written to the write-ahead log so far, so that the commit that follows is short.';

CREATE FUNCTION acct._see_changes() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_see_changes';
COMMENT ON FUNCTION acct._see_changes() IS
'Has the session take notice of the tables that others made and dropped until now, as waiting for a row does not.';

CREATE FUNCTION acct._named_partition(p_parent regclass, p_month date) RETURNS regclass
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_named_partition';
COMMENT ON FUNCTION acct._named_partition(regclass, date) IS
'The partition of a month that has the name which the engine gives it, is attached, and holds that month and no other; NULL: there is none of that name. By the catalogs as they are now.';

CREATE FUNCTION acct._catalog_changes() RETURNS bigint
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_catalog_changes';
COMMENT ON FUNCTION acct._catalog_changes() IS
'A number that changes with each change of the catalogs that the server has announced to the session.';

CREATE FUNCTION acct._known_month(p_month date, OUT headers regclass, OUT lines regclass)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_known_month';
COMMENT ON FUNCTION acct._known_month(date) IS
'The partitions of a month of the ledger that the session found in order (_know_month) and since when no catalog has changed; NULL where it is not known.';

CREATE FUNCTION acct._know_month(p_month date, p_headers regclass, p_lines regclass, p_changes bigint) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_know_month';
COMMENT ON FUNCTION acct._know_month(date, regclass, regclass, bigint) IS
'Has the session remember the partitions of a month of the ledger, until a catalog changes; p_changes is _catalog_changes() from before they were looked at.';

CREATE FUNCTION acct._as_seen(p_table regclass) RETURNS regclass
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_as_seen';
COMMENT ON FUNCTION acct._as_seen(regclass) IS
'The table, which with its partitions is locked ACCESS SHARE from here to the end of the transaction. Raises 40001 where one of them was rewritten after the snapshot of the query was taken: the query would find it empty.';

CREATE FUNCTION acct._key_ends(p_table regclass, OUT first bigint, OUT last bigint, OUT is_known boolean)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ledger_key_ends';
COMMENT ON FUNCTION acct._key_ends(regclass) IS
'The first and the last txn_id in a table, by the index of its key, NULL where it has no rows; is_known: it has such an index.';

CREATE FUNCTION acct._lock_if_free(p_tables regclass[], p_mode text, p_with_partitions boolean) RETURNS boolean
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_lock_if_free';
COMMENT ON FUNCTION acct._lock_if_free(regclass[], text, boolean) IS
'Locks tables, with or without their partitions, ACCESS SHARE, ROW SHARE or ROW EXCLUSIVE to the end of the transaction; false where that would have to wait, or in other modes.';

CREATE FUNCTION acct._put_in_place(p_path text) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_put_in_place';
COMMENT ON FUNCTION acct._put_in_place(text) IS
'Gives the complete file PATH.part of the server the name PATH, instead of a file that has it. Raises 42501 without the privileges of pg_write_server_files.';

CREATE FUNCTION acct._file_digest(p_path text, p_flush boolean, OUT bytes bigint, OUT sha256 text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_file_digest';
COMMENT ON FUNCTION acct._file_digest(text, boolean) IS
'Size and SHA-256 (64 hexadecimal digits) of a regular file of the server, NULL where there is none; with p_flush it survives a crash of the machine. Raises 42501 where the caller lacks the privileges of pg_read_server_files, 42602 where the path is not absolute.';

CREATE FUNCTION acct._row_holders(p_table regclass, p_columns text[], p_values text[]) RETURNS integer[]
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_row_holders';
COMMENT ON FUNCTION acct._row_holders(regclass, text[], text[]) IS
'The processes whose open transactions inserted, locked or changed the rows of a table where columns have these values, as text, committed or not; NULL among them stands for a prepared transaction. Waits for no row.';

CREATE FUNCTION acct._commit_durably() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ledger_commit_durably';
COMMENT ON FUNCTION acct._commit_durably() IS
'Has the commit of this transaction wait until it is on disk, whatever synchronous_commit says.';

CREATE FUNCTION acct._merkle_root(p_leaves bytea[]) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_merkle_root';
COMMENT ON FUNCTION acct._merkle_root(bytea[]) IS
'The root of the Merkle tree (RFC 6962) whose leaves have these data, in their order.';

CREATE FUNCTION acct._merkle_root_of_hashes(p_hashes bytea[]) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_merkle_tree';
COMMENT ON FUNCTION acct._merkle_root_of_hashes(bytea[]) IS
'The root of the Merkle tree whose leaves have these hashes, in their order. Raises 22023 where one does not have 32 bytes.';

CREATE FUNCTION acct._merkle_path(p_hashes bytea[], p_index bigint) RETURNS bytea[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_merkle_path';
COMMENT ON FUNCTION acct._merkle_path(bytea[], bigint) IS
'The inclusion proof (RFC 9162, section 2.1.3) of a leaf, counted from 0, of the tree whose leaves have these hashes: the siblings from the leaf up. Raises 22023 where there is no such leaf.';

CREATE FUNCTION acct._merkle_consistency(p_hashes bytea[], p_old_size bigint) RETURNS bytea[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_merkle_consistency';
COMMENT ON FUNCTION acct._merkle_consistency(bytea[], bigint) IS
'The consistency proof (RFC 9162, section 2.1.4) that the tree whose leaves have these hashes extends that of its first p_old_size leaves; empty for none and for all of them. Raises 22023 where there are not as many leaves.';

CREATE FUNCTION acct._balance_leaf(p_month date, p_fund text, p_account text, p_currency text, p_opening numeric, p_debit numeric, p_credit numeric, p_closing numeric, p_lines bigint)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ledger_balance_leaf';
COMMENT ON FUNCTION acct._balance_leaf(date, text, text, text, numeric, numeric, numeric, numeric, bigint) IS
'The data of the leaf of a balance, as docs/proof-format.md defines them.';
