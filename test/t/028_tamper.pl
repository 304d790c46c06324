# Whatever a superuser changes with triggers off, in entries, records, policy and seals, verify_ledger() finds and locates it, or
# verify_checkpoint() does by a checkpoint that was kept.
#
# Each change is made, looked at and rolled back, in one transaction.
#
# LEDGER_TAMPER   all: every column of many journals; otherwise of one journal a run
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $all = ($ENV{LEDGER_TAMPER} // '') eq 'all';
my $node = new_node('main');

sub sql { return $node->safe_psql('tamper', $_[0]); }

make_database($node, 'tamper');
load_quietly($node, 'tamper', '2025-01-01', 400, 3);
load_quietly($node, 'tamper', '2025-02-01', 120, 2);
sql(q{SELECT FROM acct.run_month('2025-01-01', 'january')});
sql(large_runs(q{SELECT FROM acct.run_month('2025-02-01', 'february')}));
sql(q{SELECT FROM acct.close_period('2025-01-01', waive => ARRAY(SELECT finding FROM acct._closing_findings()), reason => 'a test')});
approve_by_another($node, 'tamper', manual_journal($node, 'tamper', '2025-02-10', '2025-03-01'));
my $kept = sql('SELECT acct.ledger_checkpoint()') . "\n";

is(sql(q{SELECT string_agg(format('%s %s: %s (%s)', entity_code, basis, check_name, actual), E'\n') FROM acct.verify_ledger() WHERE passed IS DISTINCT FROM true}),
	'', 'nothing is found in a ledger that nobody touched');
is(sql(qq{SELECT count(*) FROM acct.verify_checkpoint('$kept') WHERE NOT passed}), 0, 'and its checkpoint holds');

# What a superuser can do; the triggers that fire always are off, too.
sql(q{
DO $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace IN ('acct'::regnamespace, 'ledger_guard'::regnamespace) AND c.relkind IN ('r', 'p') LOOP
		EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER ALL', t);
	END LOOP;
END
$$;
-- Nor do unique numbers stop a superuser.
DO $$
DECLARE
	k record;
BEGIN
	FOR k IN SELECT x.conrelid::regclass AS t, x.conname FROM pg_constraint AS x WHERE x.conname ~ '_number_key$' AND x.conrelid::regclass::text ~ 'ledger_entry_header' LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k.t, k.conname);
	END LOOP;
END
$$;
CREATE SCHEMA tamper;
CREATE TABLE tamper.outcome (n integer GENERATED ALWAYS AS IDENTITY, name text NOT NULL, wanted text, found text, problem text);
CREATE PROCEDURE tamper.try(name text, statement text, wanted text DEFAULT NULL, kept text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	found text;
	problem text;
	changed bigint;
BEGIN
	BEGIN
		EXECUTE statement;
		GET DIAGNOSTICS changed = ROW_COUNT;
		IF changed = 0 THEN
			problem := 'nothing was changed';
		END IF;
		SELECT string_agg(DISTINCT concat_ws(' ', v.check_name, v.je_id, v.column_group), '; ') INTO found FROM acct.verify_ledger() AS v WHERE NOT v.passed AND v.check_name NOT IN ('book', 'guard'); -- They are all off.
		IF kept IS NOT NULL THEN
			SELECT concat_ws('; ', found, string_agg('checkpoint ' || c.check_name, '; ')) INTO found FROM acct.verify_checkpoint(kept) AS c WHERE NOT c.passed;
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'TT000';
	EXCEPTION WHEN SQLSTATE 'TT000' THEN
		NULL;
	WHEN OTHERS THEN
		problem := SQLERRM;
	END;
	INSERT INTO tamper.outcome (name, wanted, found, problem) VALUES (name, wanted, found, problem);
END
$$;
-- Another value for a column of a row: its type has one, or there is none for NULL.
CREATE FUNCTION tamper.other(name text, type text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN name IN ('entity_code') THEN format('CASE %1$I WHEN ''MAIN'' THEN ''SYARIAH'' ELSE ''MAIN'' END', name)
	            -- An identifier that no journal has
	            WHEN name = 'je_id' THEN 'je_id + 70000'
	            WHEN name = 'line_no' THEN 'line_no + 100::smallint'
	            -- One side stays empty.
	            WHEN name = 'debit' THEN 'CASE WHEN debit > 0 THEN debit + 1 ELSE 0 END'
	            WHEN name = 'credit' THEN 'CASE WHEN debit > 0 THEN 0 ELSE credit + 1 END'
	            WHEN type IN ('bigint', 'integer', 'smallint') THEN format('(coalesce(%I, 0) + 1)::%s', name, type)
	            WHEN type ~ '^numeric' THEN format('%I + 0.0001', name)
	            WHEN type = 'date' THEN format('coalesce(date_trunc(''month'', %1$I)::date + (extract(day FROM %1$I)::integer %% 27), ''2025-01-07'')', name)
	            WHEN type ~ '^timestamp' THEN format('%I + interval ''1 microsecond''', name)
	            ELSE format('coalesce(%I, '''') || ''X''', name) END
$$;
});

# Columns, one by one.
my $of = $all ? 'true' : 'false';
sql(qq{
DO \$\$
DECLARE
	c record;
	j record;
BEGIN
	FOR j IN SELECT h.je_id, h.je_date, h.run_id FROM acct.ledger_entry_header AS h WHERE $of OR h.je_id IN (SELECT max(x.je_id) FROM acct.ledger_entry_header AS x WHERE x.reversal_of IS NULL GROUP BY x.run_id) ORDER BY h.je_id LOOP
		CONTINUE WHEN $of AND j.je_id % 40 <> 0;
		FOR c IN SELECT a.attrelid::regclass::text AS t, a.attname::text AS name, format_type(a.atttypid, NULL) AS type, a.attnotnull
		           FROM pg_attribute AS a WHERE a.attrelid IN ('acct.ledger_entry_header'::regclass, 'acct.ledger_entry_line'::regclass) AND a.attnum > 0 AND NOT a.attisdropped LOOP
			CALL tamper.try(format('%s of run %s: %s is another one', c.t, j.run_id, c.name),
			                format('UPDATE %s SET %I = %s WHERE je_id = %s AND je_date = %L%s', c.t, c.name, tamper.other(c.name, c.type), j.je_id, j.je_date,
			                       CASE c.t WHEN 'acct.ledger_entry_line' THEN format(' AND line_no = (SELECT min(l.line_no) FROM acct.ledger_entry_line AS l WHERE l.je_id = %s AND l.%I > 0)', j.je_id, CASE c.name WHEN 'credit' THEN 'credit' ELSE 'debit' END) ELSE '' END),
			                CASE c.t WHEN 'acct.ledger_entry_line' THEN 'lines' ELSE 'headers' END
			                || CASE WHEN c.name IN ('je_id', 'run_id', 'entity_code', 'basis', 'fund', 'account_code', 'currency') AND c.t = 'acct.ledger_entry_line' OR c.name IN ('je_id', 'run_id', 'entity_code', 'basis', 'je_number') THEN ''
			                        ELSE format(' %s %s', j.je_id, CASE WHEN c.name IN ('je_date', 'line_no', 'je_number', 'journal_type', 'posted_at', 'original_date', 'reversal_of') THEN 'identity'
			                                                            WHEN c.name IN ('debit', 'credit', 'total_debit', 'total_credit', 'currency', 'line_count') THEN 'amounts' ELSE 'source' END) END);
			IF NOT c.attnotnull THEN
				CALL tamper.try(format('%s of run %s: %s is gone', c.t, j.run_id, c.name),
				                format('UPDATE %s SET %I = NULL WHERE je_id = (SELECT min(x.je_id) FROM %s AS x WHERE x.run_id = %s AND x.%I IS NOT NULL)', c.t, c.name, c.t, j.run_id, c.name),
				                CASE c.t WHEN 'acct.ledger_entry_line' THEN 'lines' ELSE 'headers' END);
			END IF;
		END LOOP;
	END LOOP;
	DELETE FROM tamper.outcome WHERE problem = 'nothing was changed' AND name ~ ' is gone';
END
\$\$});

# What is listed here: a name, what is done, and a part of what is to be found.
my @cases = (
	['lines change places between two journals', q{UPDATE acct.ledger_entry_line AS l SET je_id = CASE l.je_id WHEN a.one THEN a.other ELSE a.one END, line_no = l.line_no + 50 FROM (SELECT min(je_id) AS one, max(je_id) AS other FROM acct.ledger_entry_header WHERE run_id = 1) AS a WHERE l.je_id IN (a.one, a.other)}, 'lines'],
	['a total is moved from one header to another', q{UPDATE acct.ledger_entry_header AS h SET total_debit = h.total_debit + CASE h.je_id WHEN a.one THEN 1 ELSE -1 END, total_credit = h.total_credit + CASE h.je_id WHEN a.one THEN 1 ELSE -1 END FROM (SELECT min(je_id) AS one, max(je_id) AS other FROM acct.ledger_entry_header WHERE run_id = 1) AS a WHERE h.je_id IN (a.one, a.other)}, 'headers'],
	['two journals change their numbers', q{WITH a AS (SELECT x.je_id, x.je_number, x.je_date, lead(x.je_number) OVER w AS after, lag(x.je_number) OVER w AS before, row_number() OVER w AS n FROM acct.ledger_entry_header AS x WHERE x.run_id = 1 AND x.je_date >= '2025-01-01' AND x.entity_code = 'MAIN' WINDOW w AS (ORDER BY x.je_number)) UPDATE acct.ledger_entry_header AS h SET je_number = CASE a.n WHEN 1 THEN a.after ELSE a.before END FROM a WHERE a.n <= 2 AND h.je_id = a.je_id}, 'headers'],
	['a journal is removed with its lines', q{WITH h AS (DELETE FROM acct.ledger_entry_header WHERE je_id = (SELECT max(je_id) FROM acct.ledger_entry_header WHERE run_id = 1) RETURNING je_id) DELETE FROM acct.ledger_entry_line AS l USING h WHERE l.je_id = h.je_id}, 'headers'],
	['a line is removed', q{DELETE FROM acct.ledger_entry_line WHERE (je_id, line_no) IN (SELECT je_id, line_no FROM acct.ledger_entry_line WHERE run_id = 1 ORDER BY 1, 2 OFFSET 50 LIMIT 1)}, 'lines'],
	['a line is there twice', q{INSERT INTO acct.ledger_entry_line SELECT l.je_id, l.run_id, l.txn_id, l.je_date, l.line_no + 50, l.entity_code, l.basis, l.account_code, l.fund, l.currency, l.product_code, l.channel, l.debit, l.credit FROM acct.ledger_entry_line AS l WHERE l.run_id = 1 ORDER BY 1, 5 LIMIT 1}, 'lines'],
	['a journal is added to a run', q{INSERT INTO acct.ledger_entry_header SELECT (jsonb_populate_record(h, jsonb_build_object('je_id', 99999, 'je_number', '202501-000099999'))).* FROM acct.ledger_entry_header AS h WHERE h.run_id = 1 AND h.je_date >= '2025-01-01' LIMIT 1}, 'headers'],
	['a run is forged, without a record', q{INSERT INTO acct.ledger_entry_header SELECT (jsonb_populate_record(h, jsonb_build_object('je_id', h.je_id + 90000, 'run_id', 77, 'je_number', '9' || h.je_number))).* FROM acct.ledger_entry_header AS h WHERE h.run_id = 1 AND h.je_date >= '2025-01-01'}, 'headers'],
	['a run is forged, with its record', q{WITH r AS (INSERT INTO acct.journal_run SELECT (jsonb_populate_record(r, '{"run_id": 77, "run_key": "forged"}')).* FROM acct.journal_run AS r WHERE r.run_id = 1 RETURNING run_id) INSERT INTO acct.ledger_entry_header SELECT (jsonb_populate_record(h, jsonb_build_object('je_id', h.je_id + 90000, 'run_id', 77, 'je_number', '9' || h.je_number))).* FROM acct.ledger_entry_header AS h, r WHERE h.run_id = 1 AND h.je_date >= '2025-01-01'}, 'headers'],
	['a run is removed with its records', q{WITH h AS (DELETE FROM acct.ledger_entry_header WHERE run_id = 1), l AS (DELETE FROM acct.ledger_entry_line WHERE run_id = 1), t AS (DELETE FROM acct.journal_run_total WHERE run_id = 1), e AS (DELETE FROM acct.je_exception WHERE run_id = 1) DELETE FROM acct.journal_run WHERE run_id = 1}, 'run_record'],
	['amounts are doubled with their records', q{WITH h AS (UPDATE acct.ledger_entry_header SET total_debit = total_debit * 2, total_credit = total_credit * 2 WHERE run_id = 1), l AS (UPDATE acct.ledger_entry_line SET debit = debit * 2, credit = credit * 2 WHERE run_id = 1), t AS (UPDATE acct.journal_run_total SET debit = debit * 2, credit = credit * 2 WHERE run_id = 1) UPDATE acct.journal_run SET debit = debit * 2, credit = credit * 2 WHERE run_id = 1}, 'lines'],
	# Seals have a form for it, so that its row is found.
	['an amount is no number', q{UPDATE acct.ledger_entry_line SET debit = 'NaN' WHERE debit > 0 AND je_id = (SELECT max(je_id) FROM acct.ledger_entry_header WHERE run_id = 1)}, 'lines \\d+ amounts'],
	['a total is no number', q{UPDATE acct.ledger_entry_header SET total_debit = 'NaN' WHERE je_id = (SELECT max(je_id) FROM acct.ledger_entry_header WHERE run_id = 1)}, 'headers \\d+ amounts'],
	['the record of a run has another key', q{UPDATE acct.journal_run SET run_key = 'other' WHERE run_id = 1}, 'run_record'],
	['the record of a run has another user', q{UPDATE acct.journal_run SET posted_by = 'nobody' WHERE run_id = 1}, 'run_record'],
	['the record of a run has another time', q{UPDATE acct.journal_run SET posted_at = posted_at - interval '1 day' WHERE run_id = 1}, 'run_record'],
	['the record of a run has another digest', q{UPDATE acct.journal_run SET digest = reverse(digest) WHERE run_id = 1}, 'run_record'],
	['the record of a run has another kind', q{UPDATE acct.journal_run SET kind = 'opening', je_date = '2025-01-01' WHERE run_id = 1}, 'run_record'],
	['the record of a run has other counts', q{UPDATE acct.journal_run SET journals = journals + 1 WHERE run_id = 1}, 'run_record'],
	['the record of a run says that it is not posted', q{UPDATE acct.journal_run SET status = 'discarded' WHERE run_id = 1}, 'run_record'],
	['the record of a run is gone', q{DELETE FROM acct.journal_run WHERE run_id = 1}, 'run_record'],
	['a total of a run is another one', q{UPDATE acct.journal_run_total SET debit = debit + 1 WHERE run_id = 1 AND line_count = (SELECT max(line_count) FROM acct.journal_run_total WHERE run_id = 1)}, 'run_totals'],
	['the totals of a run are gone', q{DELETE FROM acct.journal_run_total WHERE run_id = 1}, 'run_totals'],
	['a balance is another one', q{UPDATE acct.account_balance_snapshot SET period_debit = period_debit + 1, closing_balance = closing_balance + 1 WHERE snapshot_month = '2025-01-01' AND account_code = '1110'}, 'balances'],
	['a balance opens with another amount', q{UPDATE acct.account_balance_snapshot SET opening_balance = opening_balance + 1, closing_balance = closing_balance + 1 WHERE snapshot_month = '2025-02-01' AND account_code = '1110'}, 'balances'],
	['a balance is gone', q{DELETE FROM acct.account_balance_snapshot WHERE snapshot_month = '2025-01-01' AND account_code = '1110'}, 'balances'],
	['an exception is gone', q{DELETE FROM acct.je_exception WHERE (run_id, txn_id) = (SELECT e.run_id, e.txn_id FROM acct.je_exception AS e ORDER BY 1, 2 LIMIT 1)}, 'exceptions'],
	['an exception has another reason', q{UPDATE acct.je_exception SET reason = reason || 'X'}, 'exceptions'],
	['an exception has another message', q{UPDATE acct.je_exception SET message = 'all is well'}, 'exceptions'],
	['an exception does not count', q{UPDATE acct.je_exception AS e SET voided_at = clock_timestamp() FROM acct.journal_run AS r WHERE r.run_id = e.run_id AND r.status = 'posted' AND r.kind = 'transaction'}, 'exceptions'],
	['an exception is forged', q{INSERT INTO acct.je_exception (run_id, txn_id, txn_month, basis, reason, message) SELECT 1, 5, '2025-01-01', 'PRIMARY', 'NO_LINES', 'forged'}, 'exceptions'],
	['a seal has another text', q{UPDATE acct.ledger_seal SET body = replace(body, 'posted_by', 'posted_bi') WHERE run_id = 1}, 'seal'],
	['a seal has another text and its hash', q{UPDATE acct.ledger_seal SET body = b.body, seal_hash = sha256('\x00'::bytea || convert_to(b.body, 'UTF8')) FROM (SELECT seal_id, regexp_replace(body, 'policy_digest [^\n]*', 'policy_digest -') AS body FROM acct.ledger_seal WHERE run_id = 1) AS b WHERE ledger_seal.seal_id = b.seal_id}, 'seal'],
	['a seal of the middle is gone', q{DELETE FROM acct.ledger_seal WHERE seal_number = 1 AND entity_code = 'MAIN' AND basis = 'PRIMARY'}, 'seal'],
	['the evidence of a seal is gone', q{DELETE FROM acct.ledger_seal_evidence WHERE seal_id IN (SELECT seal_id FROM acct.ledger_seal WHERE run_id = 1)}, 'evidence'],
	['a rule that was approved is another one', q{UPDATE acct.journal_template_line SET amount_expr = ':gross_amount' WHERE template_code = 'COMMISSION' AND line_no = 2}, 'checkpoint '],
	['a rule is another one, and changes with a trace follow', q{UPDATE acct.journal_template_line SET amount_expr = ':gross_amount' WHERE template_code = 'COMMISSION' AND line_no = 2; ALTER TABLE acct.currency ENABLE TRIGGER ALL; INSERT INTO acct.currency VALUES ('NEW', 2); SELECT acct.ledger_checkpoint(); SELECT 1}, 'checkpoint policy'],
	['an account has another type', q{UPDATE acct.chart_of_accounts SET account_type = CASE account_type WHEN 'ASSET' THEN 'EXPENSE' ELSE 'ASSET' END WHERE account_code = '1110'}, 'checkpoint '],
	['the audit trail has another user', q{UPDATE acct.template_audit SET changed_by = 'nobody' WHERE audit_id = (SELECT min(audit_id) FROM acct.template_audit)}, 'checkpoint '],
	['a row of the audit trail is gone', q{DELETE FROM acct.template_audit WHERE audit_id = (SELECT min(audit_id) FROM acct.template_audit)}, 'checkpoint '],
	# What no hash has: columns beside seals, records that say that there is nothing to compare, tables that are no month, and nulls.
	['a closing is moved to another month', q{WITH s AS (UPDATE acct.ledger_seal SET period_month = '2025-05-01' WHERE kind = 'close'), l AS (UPDATE acct.period_log SET period_month = '2025-05-01') UPDATE acct.accounting_period SET period_month = '2025-05-01' WHERE period_month = '2025-01-01'}, 'seal'],
	['a month with other amounts is said to be dropped', q{WITH a AS (INSERT INTO acct.archived_partition (table_name, month, partitions, rows, dropped_by, dropped_at) VALUES ('ledger_entry', '2025-01-01', '{x}', 1, 'x', now())) UPDATE acct.ledger_entry_line SET debit = debit + 1 WHERE run_id = 1 AND debit > 0}, 'lines'],
	['a month is gone and said to be dropped', q{WITH a AS (INSERT INTO acct.archived_partition (table_name, month, partitions, rows, dropped_by, dropped_at) VALUES ('ledger_entry', '2025-01-01', '{x}', 1, 'x', now())), h AS (DELETE FROM acct.ledger_entry_header WHERE je_date >= '2025-01-01' AND je_date < '2025-02-01') DELETE FROM acct.ledger_entry_line WHERE je_date >= '2025-01-01' AND je_date < '2025-02-01'}, 'lines'],
	['a journal stands in a DEFAULT partition', q{CREATE TABLE tamper.others PARTITION OF acct.ledger_entry_header DEFAULT; INSERT INTO tamper.others SELECT (jsonb_populate_record(h, '{"je_id": 99999, "je_date": "2040-01-05"}')).* FROM acct.ledger_entry_header AS h LIMIT 1}, 'entries'],
	['lines stand in a partition of a year', q{CREATE TABLE tamper.others PARTITION OF acct.ledger_entry_line FOR VALUES FROM ('2040-01-01') TO ('2041-01-01'); INSERT INTO tamper.others SELECT (jsonb_populate_record(l, '{"je_id": 99999, "je_date": "2040-01-05"}')).* FROM acct.ledger_entry_line AS l LIMIT 1}, 'entries'],
	['a month is detached, and moved to the archive', q{ALTER TABLE acct.ledger_entry_header DETACH PARTITION acct.ledger_entry_header_2025_02; ALTER TABLE acct.ledger_entry_header_2025_02 SET SCHEMA acct_archive; SELECT}, 'entries'],
	['a run without entries has totals', q{WITH r AS (INSERT INTO acct.journal_run SELECT (jsonb_populate_record(r, '{"run_id": 77, "run_key": "forged"}')).* FROM acct.journal_run AS r WHERE r.run_id = 1 RETURNING run_id) INSERT INTO acct.journal_run_total SELECT (jsonb_populate_record(t, '{"run_id": 77}')).* FROM acct.journal_run_total AS t, r WHERE t.run_id = 1}, 'run_totals'],
	['a total of a run has an amount of no line', q{INSERT INTO acct.journal_run_total SELECT (jsonb_populate_record(t, '{"account_code": "9999", "line_count": 0}')).* FROM acct.journal_run_total AS t WHERE t.run_id = 1 AND t.debit > 0 LIMIT 1}, 'run_totals'],
	['a waiver is older than its run', q{UPDATE acct.je_exception SET waived_by = 'nobody', waived_at = '1999-01-01', waive_reason = 'forged'}, 'waivers'],
	['a balance is null', q{ALTER TABLE acct.account_balance_snapshot ALTER closing_balance DROP NOT NULL; UPDATE acct.account_balance_snapshot SET closing_balance = NULL WHERE account_code = '1110'}, 'balances'],
	['the last seal has no hash', q{ALTER TABLE acct.ledger_seal ALTER seal_hash DROP NOT NULL; UPDATE acct.ledger_seal SET seal_hash = NULL WHERE seal_id = (SELECT max(seal_id) FROM acct.ledger_seal)}, 'seal; checkpoint chains'],
	['a line has no fund', q{ALTER TABLE acct.ledger_entry_line ALTER fund DROP NOT NULL; UPDATE acct.ledger_entry_line SET fund = NULL WHERE je_id = (SELECT max(je_id) FROM acct.ledger_entry_header WHERE run_id = 1)}, 'entries'],
	['a column that was empty has values of another type', q{DO $d$ DECLARE v record; BEGIN
		FOR v IN SELECT evtname FROM pg_event_trigger LOOP EXECUTE format('ALTER EVENT TRIGGER %I DISABLE', v.evtname); END LOOP;
		FOR v IN SELECT DISTINCT r.ev_class::regclass AS name FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid WHERE d.refobjid = 'acct.ledger_entry_header'::regclass LOOP EXECUTE format('DROP VIEW IF EXISTS %s CASCADE', v.name); END LOOP;
		ALTER TABLE acct.ledger_entry_header ALTER reversal_of TYPE numeric; END $d$;
		UPDATE acct.ledger_entry_header SET reversal_of = 7 WHERE reversal_of IS NULL}, 'headers \\d+ identity'],
	['the evidence of a seal is another one', q{UPDATE acct.ledger_seal_evidence SET data = set_byte(data, 60, get_byte(data, 60) # 1) WHERE seal_id IN (SELECT seal_id FROM acct.ledger_seal WHERE run_id = 1)}, 'evidence'],
);
# Everything that tells of the last run, and the balances are made again.
my $removed = q{
	DO $d$ DECLARE last bigint := (SELECT max(run_id) FROM acct.ledger_seal); BEGIN
		DELETE FROM acct.ledger_log AS g USING acct.ledger_seal AS s WHERE s.seal_id = g.seal_id AND (s.run_id = last OR s.entity_code = '');
		DELETE FROM acct.ledger_seal_evidence AS e USING acct.ledger_seal AS s WHERE s.seal_id = e.seal_id AND s.run_id = last;
		DELETE FROM acct.ledger_seal WHERE run_id = last OR entity_code = '';
		DELETE FROM acct.ledger_checkpoint;
		DELETE FROM acct.ledger_entry_line WHERE run_id = last;
		DELETE FROM acct.ledger_entry_header WHERE run_id = last;
		DELETE FROM acct.je_exception WHERE run_id = last;
		DELETE FROM acct.journal_run_batch WHERE run_id = last;
		DELETE FROM acct.journal_run_total WHERE run_id = last;
		DELETE FROM acct.journal_run WHERE run_id = last;
		PERFORM acct.update_balance_snapshot();
	END $d$;
	SELECT};
sql(qq{CALL tamper.try('without a checkpoint, a removed last run cannot be seen', \$s\$$removed\$s\$, '^\$')});
push @cases, ['with one it can', $removed, 'checkpoint '];
for my $case (@cases)
{
	my ($name, $statement, $wanted) = @$case;
	sql(qq{CALL tamper.try(\$n\$$name\$n\$, \$s\$$statement\$s\$, '$wanted', \$k\$$kept\$k\$)});
}

my @outcomes = split /\n/, sql(q{SELECT concat_ws('|', name, problem IS NULL AND CASE wanted WHEN '^$' THEN coalesce(found, '') = '' ELSE coalesce(found, '') ~ ('(^|; )' || wanted) END, translate(concat_ws(' / ', 'wanted ' || wanted, 'found ' || found, problem), E'\n|', '  ')) FROM tamper.outcome ORDER BY n});
for (@outcomes)
{
	my ($name, $ok, $detail) = split /\|/;
	ok($ok eq 't', $name) or diag $detail;
}
note scalar(@outcomes) . ' changes';

done_testing();
