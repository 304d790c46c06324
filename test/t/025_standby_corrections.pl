# What corrects a ledger reaches a streaming standby whole: reversals, corrections and rebookings, with the claims on what they
# reverse. Posted ones are checked there, and once it is promoted it goes on from there.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The standby compares each page that it replays with the primary's.
my $primary = new_node('primary', { allows_streaming => 1 }, 'wal_consistency_checking = all', 'max_wal_size = 1GB', 'wal_keep_size = 1GB');
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

sub on_primary { return $primary->safe_psql('postgres', $_[0]); }

sub on_standby { return $standby->safe_psql('postgres', $_[0]); }

sub same
{
	my ($sql, $name) = @_;
	my $expected = on_primary($sql);

	isnt($expected, '', "$name: there are some");
	is(on_standby($sql), $expected, $name);
	return;
}

# Makes, expands and posts what another person made; the number of the run, which has journals.
sub posted
{
	my ($call, $name) = @_;
	my $run = on_primary("SELECT acct.$call");

	on_primary("SELECT * FROM acct.expand_journals($run)");
	cmp_ok(post_by_another($primary, 'postgres', $run), '>', 0, "$name: posted, with journals");
	return $run;
}

make_database($primary, 'postgres');
my %month = (corrected => '2025-01-01', reversed => '2025-02-01', large => '2025-03-01');
for my $key (sort keys %month)
{
	load_quietly($primary, 'postgres', $month{$key}, 2000, 40);
	on_primary(($key eq 'large' ? large_runs('') : '') . "SELECT * FROM acct.run_month('$month{$key}', '$key')");
}
change_tax($primary, 'postgres', '2025-01-01', 0.06);
my %run;
$run{correction} = posted("correct_run('corrected', '2025-05-31', 'The rate was wrong')", 'correction');
$run{'correction of a large run'} = posted("correct_run('large', '2025-05-31', 'The rate was wrong')", 'correction of a large run');
$run{'reversal of journals'} = posted(
	q{reverse_journals(ARRAY(SELECT je_id FROM acct.ledger_entry_header JOIN acct.journal_run USING (run_id) WHERE run_key = 'corrected' AND txn_id % 50 = 0), '2025-05-31', 'Single ones')},
	'reversal of journals');
$run{reversal} = posted("reverse_run('reversed', '2025-05-31', 'All of it')", 'reversal');
$run{rebooking} = on_primary("SELECT acct.rebook_run($run{reversal})");
on_primary("SELECT * FROM acct.expand_journals($run{rebooking}); SELECT * FROM acct.post_journals($run{rebooking})");
load_quietly($primary, 'postgres', '2025-04-01', 600, 41);
on_primary(q{SELECT acct.close_period('2025-04-01', waive => ARRAY(SELECT finding FROM acct._closing_findings()), reason => 'a test');
	SELECT * FROM acct.run_month('2025-04-01', 'late', '{"late": "next_open"}')});
$run{'late items'} = on_primary(q{SELECT run_id FROM acct.journal_run WHERE run_key = 'late'});
$run{'closing entries'} = close_shop($primary, 'postgres', '2025-03-01');
my %manual = map { $_ => manual_journal($primary, 'postgres', '2025-05-31', '2025-06-01') } 'approved', 'submitted';
is(approve_by_another($primary, 'postgres', $manual{approved}), 'manual reversal', 'a manual journal is posted with its reversal');
@run{ 'manual journal', 'reversal of a manual journal' } = split /\|/, on_primary("SELECT run_id, reversal_run_id FROM acct.manual_journal WHERE journal_id = $manual{approved}");
# One of each that is expanded, and not posted
$run{'expanded reversal'} = on_primary("SELECT acct.reverse_run('large', '2025-05-31', 'Not yet posted')");
on_primary("SELECT * FROM acct.expand_journals($run{'expanded reversal'})");
change_tax($primary, 'postgres', '2025-01-01', 0.07);
$run{'expanded correction'} = on_primary("SELECT acct.correct_run('corrected', '2025-05-31', 'The rate was wrong again')");
my @expanded = ('expanded correction', 'expanded reversal');
my $digests = sprintf 'SELECT run_id, digest, journals, lines FROM acct.journal_run WHERE run_id IN (%s) ORDER BY run_id', join ', ', @run{@expanded};
on_primary("SELECT * FROM acct.expand_journals($run{'expanded correction'})");
my $expected_digests = on_primary($digests);
my @posted = grep { !/expanded/ } sort keys %run;
$primary->wait_for_catchup($standby);

is(on_standby('SELECT pg_is_in_recovery()'), 't', 'standby is one');
is(fingerprint($standby, 'postgres'), fingerprint($primary, 'postgres'), 'same ledger, balances and exceptions');
same(q{SELECT run_id, kind, run_key, origin_run, status, je_date, reason, journals, lines, debit, credit, digest, evaluation_digest, reversed_journals, options
	FROM acct.journal_run ORDER BY run_id}, 'same runs');
same('SELECT * FROM acct.journal_reversal ORDER BY run_id, origin_run', 'same claims');
same(q{SELECT journal_type, count(*), count(reversal_of), sum(total_debit) FROM acct.ledger_entry_header GROUP BY 1 ORDER BY 1}, 'same journals by type');
is(on_standby('SELECT count(DISTINCT journal_type) FROM acct.ledger_entry_header'), 5, 'of five types');
same(q{SELECT count(*), min(original_date), max(je_date) FROM acct.ledger_entry_header WHERE original_date IS NOT NULL HAVING count(*) > 0}, 'same late items');
same('SELECT m.*, c.content, c.unchanged FROM acct.manual_journal AS m JOIN acct.manual_journal_content AS c USING (journal_id) ORDER BY 1', 'same manual journals');
is(on_standby("SELECT count(*) FROM acct.check_manual_journal($manual{submitted})"), 0, 'a manual journal is checked on the standby');
same(q{SELECT entity_code, basis, je_date, account_code, fund, currency, count(*), sum(debit), sum(credit) FROM acct.ledger_entry_line
	WHERE run_id IN (SELECT run_id FROM acct.journal_run WHERE kind <> 'transaction') GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6}, 'same sums of what corrects');
same("SELECT * FROM acct.trial_balance('2025-05-01')", 'same trial balance');
# Staging is not there to be compared.
for my $month ('2025-01-01', '2025-05-01')
{
	same("SELECT measure, kind, entity_code, fund, currency, source, recorded, ledger, balances, difference FROM acct.reconcile_month('$month') WHERE kind <> 'not posted'",
		"$month: same figures at each place");
	is(on_standby("SELECT count(staging), count(*) FILTER (WHERE difference <> 0) FROM acct.reconcile_month('$month')"), '0|0', "$month: nothing differs, without staging");
	is(on_standby("SELECT count(*) FROM acct.reconcile_transactions('$month')"), 0, "$month: no transaction is named");
	like(on_standby("SELECT acct.month_end_pack('$month')"), qr{^<!DOCTYPE html>.*<th scope=row>Server<td>a standby, which is as far as .*</html>$}s, "$month: the pack is of the standby");
}
same("SELECT l.* FROM (SELECT min(account_code) AS account_code FROM acct.ledger_entry_line) AS a, acct.account_ledger(a.account_code, '2025-01-01', '2025-12-31') AS l", 'same ledgers of accounts');
same('SELECT h.je_id, j.* FROM (SELECT min(x.je_id) AS je_id FROM acct.ledger_entry_header AS x GROUP BY x.run_id) AS h, acct.journal(h.je_id) AS j ORDER BY 1, 2', 'same reports of journals');
same('SELECT h.je_id, x.* FROM (SELECT min(y.je_id) AS je_id FROM acct.ledger_entry_header AS y GROUP BY y.run_id) AS h, acct.explain_journal(h.je_id) AS x ORDER BY 1, 2', 'same explanations of journals');
same(q{SELECT s.txn_id, x.* FROM (SELECT y.txn_id, y.txn_month FROM acct.txn_source_parent AS y ORDER BY y.txn_id LIMIT 5) AS s, acct.explain_transaction(s.txn_id, s.txn_month, 'PRIMARY') AS x ORDER BY 1, 2}, 'same explanations of transactions');
same("SELECT * FROM acct.check_audit_export('iso21378', '2025-01-01', '2025-05-01', 'MAIN')", 'same findings of audit files');
# An export writes a record of itself.
fails_with($standby, 'postgres', "SELECT * FROM acct.export_audit_data('2025-01-01', '2025-05-01', 'MAIN')", qr/25006.*an export is recorded.*Export on the primary/s, 'audit files');
same("SELECT * FROM acct.trial_balance_at('2025-05-15')", 'same trial balance of a day');
same("SELECT * FROM acct.movement('2025-05-01')", 'same movements');
same("SELECT * FROM acct.account_hierarchy('2025-05-01')", 'same subtotals');
same("SELECT * FROM acct.balance_sheet('2025-05-01')", 'same balance sheet');
same("SELECT * FROM acct.profit_and_loss('2025-01-01', '2025-05-01')", 'same profit and loss statement');
same("SELECT * FROM acct.fund_statement('2025-05-01')", 'same fund statement');
is(on_standby(q{SELECT count(*) FROM (SELECT entity_code, basis, date_trunc('month', je_date)::date AS m, fund, account_code, currency, sum(debit) AS d, sum(credit) AS c
	  FROM acct.ledger_entry_line GROUP BY 1, 2, 3, 4, 5, 6) AS l
	  FULL JOIN acct.account_balance_snapshot AS s ON (s.entity_code, s.basis, s.snapshot_month, s.fund, s.account_code, s.currency) = (l.entity_code, l.basis, l.m, l.fund, l.account_code, l.currency)
	 WHERE (coalesce(l.d, 0), coalesce(l.c, 0)) IS DISTINCT FROM (coalesce(s.period_debit, 0), coalesce(s.period_credit, 0))}),
	0, 'balances are what the lines come to');

for my $name (@posted)
{
	is(failing_checks($standby, 'postgres', $run{$name}), '', "$name: checked on the standby");
	is(on_standby("SELECT count(*) > 5 FROM acct.validate_run($run{$name})"), 't', "$name: by several checks");
	is(on_standby("SELECT acct.run_digest(run_id) = digest FROM acct.journal_run WHERE run_id = $run{$name}"), 't', "$name: with its digest");
}
fails_with($standby, 'postgres', "SELECT * FROM acct.validate_run($run{$_})", qr/ERROR:  LE002: run \d+ is expanded, but its staging was lost/, "$_ on the standby")
  for @expanded;
for my $call (
	"reverse_run('corrected', '2025-05-31', 'x')", "reverse_journals('{1}', '2025-05-31', 'x')", "correct_run('large', '2025-05-31', 'x')",
	"rebook_run($run{'reversal of journals'})", "post_journals($run{'expanded reversal'})", "expand_journals($run{'expanded correction'})",
	"discard_run($run{'expanded reversal'})", "preview_correction('corrected')", "approve_manual_journal($manual{submitted})", "copy_manual_journal($manual{submitted})",
	"draft_opening_balances('2024-12-31', 'MAIN', 'PRIMARY', 'acct.fund')")
{
	fails_with($standby, 'postgres', "SELECT * FROM acct.$call", qr/ERROR:  25006:/, "$call on the standby");
}

# Promoted, it has the claims that were there, and can do again what staging was lost of.
$primary->stop('immediate');
$standby->promote;
is(broken_invariants($standby, 'postgres'), '', 'promoted: all invariants hold');
fails_with($standby, 'postgres', "SELECT acct.reverse_run('reversed', '2025-05-31', 'Twice')", qr/ERROR:  LE008: run \d+ is reversed already\nDETAIL:  Its journals are reversed by run $run{reversal} \(posted\)/, 'promoted: what was reversed');
fails_with($standby, 'postgres', "SELECT acct.reverse_run('large', '2025-05-31', 'Twice')", qr/ERROR:  LE008:/, 'promoted: what is being reversed');
fails_with($standby, 'postgres', "SELECT acct.rebook_run($run{reversal})", qr/ERROR:  LE008:.*rebooked already/, 'promoted: what was rebooked');
for my $name (@expanded)
{
	fails_with($standby, 'postgres', "SET SESSION AUTHORIZATION second_person; SELECT * FROM acct.post_journals($run{$name})", qr/ERROR:  LE002:.*lost in a crash/, "promoted: $name");
	on_standby("SELECT * FROM acct.expand_journals($run{$name})");
}
is(on_standby($digests), $expected_digests, 'promoted: expanded again, with the digests of the primary');
for my $name (@expanded)
{
	cmp_ok(post_by_another($standby, 'postgres', $run{$name}), '>', 0, "promoted: $name is posted");
	is(failing_checks($standby, 'postgres', $run{$name}), '', "promoted: $name is valid");
}
is(on_standby(q{SELECT status FROM acct.journal_run WHERE run_key = 'large'}), 'reversed', 'promoted: the run is reversed');
is(approve_by_another($standby, 'postgres', $manual{submitted}), 'manual reversal', 'promoted: a manual journal that was submitted is approved');
is(broken_invariants($standby, 'postgres'), '', 'promoted: all invariants hold at the end');
ok(!$standby->log_contains('inconsistent page found'), 'replay was consistent');
$standby->stop;
done_testing();
