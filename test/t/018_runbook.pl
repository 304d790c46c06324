# Steps of docs/operations.md that need a server of their own: restoring a base backup to a point in time, in the midst of a run.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 5000;
my $primary = new_node('primary', { has_archiving => 1, allows_streaming => 1 });

sub on_primary { return $primary->safe_psql('postgres', $_[0]); }

make_database($primary, 'postgres');
load_batch($primary, 'postgres', $rows, 1);
on_primary("CALL acct.process_month('2025-01-01', run_key => 'first')");
$primary->backup('base');

# After the backup: a posted run, then one that is expanded when the point is set; what follows shall be lost.
load_batch($primary, 'postgres', $rows, 2);
on_primary(large_runs("CALL acct.process_month('2025-01-01', run_key => 'second')"));
load_batch($primary, 'postgres', $rows, 3);
my $third = on_primary("SELECT acct.create_run('2025-01-01', 'third')");
on_primary("SELECT * FROM acct.expand_journals($third)");
my $at_point = fingerprint($primary, 'postgres');
my $digest = on_primary("SELECT digest, journals, exceptions FROM acct.journal_run WHERE run_id = $third");
on_primary("SELECT pg_create_restore_point('before the mistake')");
on_primary("SELECT * FROM acct.post_journals($third)");
load_batch($primary, 'postgres', $rows, 4);
on_primary('SELECT pg_switch_wal()');
$primary->stop;

my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
$restored->append_conf('postgresql.conf', "recovery_target_name = 'before the mistake'\nrecovery_target_action = 'promote'\n");
$restored->start;
$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'recovery did not end';

sub on_restored { return $restored->safe_psql('postgres', $_[0]); }

is(fingerprint($restored, 'postgres'), $at_point, 'the ledger, balances and exceptions of the point');
is(broken_invariants($restored, 'postgres'), '', 'all invariants hold');
is(on_restored(q{SELECT count(*), bool_and(acct.run_digest(run_id) = digest) FROM acct.journal_run WHERE status = 'posted'}),
	'2|t', 'both posted runs have their digests');
is(on_restored('SELECT count(*) FROM acct.check_balance_snapshot()'), '0', 'balances equal the lines');
is(on_restored(q{SELECT status FROM acct.health() WHERE check_name = 'staging_lost'}), 'warning', 'health() sees the lost staging');
fails_with($restored, 'postgres', "SELECT * FROM acct.post_journals($third)", qr/LE002: run \d+ is expanded, but its staging was lost/,
	'posting it');

# The runbook: the same key goes on; what came after the point is loaded again.
on_restored("CALL acct.process_month('2025-01-01', run_key => 'third')");
is(on_restored("SELECT digest, journals, exceptions FROM acct.journal_run WHERE run_id = $third"), $digest, 'posted with the digest that it had');
load_batch($restored, 'postgres', $rows, 4);
on_restored("CALL acct.process_month('2025-01-01', run_key => 'fourth')");
is(broken_invariants($restored, 'postgres'), '', 'all invariants hold afterwards');
on_restored('SELECT * FROM acct.rotate_txn_source_partitions(1); SELECT * FROM acct.rotate_ledger_partitions(1)');
is(on_restored(q{SELECT string_agg(check_name, ',') FROM acct.health() WHERE status <> 'ok'}), 'exceptions_open',
	'health() has nothing but the exceptions of the sample');
$restored->stop;
done_testing();
