# The collector files for sql_exporter: each query runs with the rights that the exporter has, and returns what its metrics need.
use strict;
use warnings FATAL => 'all';

use CPAN::Meta::YAML;
use FindBin;
use lib $FindBin::RealBin;
use LedgerTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = "$FindBin::RealBin/../../integrations/prometheus";
my @files = map { "$directory/$_.collector.yml" } qw(ledger_engine ledger_engine_slow);
my $node = new_node('main', q{log_statement = 'none'});

make_database($node, 'empty');
make_database($node, 'ledger');
$node->safe_psql(
	'ledger', q{
	SELECT * FROM acct.install_roles();
	CREATE ROLE exporter LOGIN IN ROLE acct_auditor;
	ALTER ROLE exporter SET default_transaction_read_only = on;});
$node->safe_psql('empty', 'SELECT * FROM acct.install_roles()');

# Something of everything: a run posted, one expanded, one not begun, exceptions, a job done and one failed, a load that waits
load_quietly($node, 'ledger', '2025-01-01', 3000, 42);
$node->safe_psql('ledger', q{
	SELECT * FROM acct.run_month('2025-01-01', 'posted');
	SELECT acct.create_run('2025-01-01', 'created');
	CALL acct.run_job('rotate');
	CALL acct.run_job('snapshot');});
load_quietly($node, 'ledger', '2025-01-01', 2000, 43);
$node->safe_psql('ledger', q{SELECT * FROM acct.expand_journals(acct.create_run('2025-01-01', 'expanded'))});
load_quietly($node, 'ledger', '2025-01-01', 1000, 44);

# Rows of a query as the exporter sees them: name, type and values of each column
sub result_of
{
	my ($db, $query) = @_;
	my @options = (extra_params => [ '-U', 'exporter', '-F', "\t" ]);
	my @columns = map { [ split /\t/ ] } split /\n/, $node->safe_psql($db, "$query\n\\gdesc", @options);
	my @rows = map { [ split /\t/, $_, -1 ] } split /\n/, $node->safe_psql($db, $query, @options);
	my @result;

	for my $row (@rows)
	{
		push @result, { map { $columns[$_][0] => $row->[$_] } 0 .. $#columns };
	}
	return ({ map { @$_ } @columns }, \@result);
}

my %names;
my %samples;

sub check_metric
{
	my ($db, $file, $metric, $query) = @_;
	my $name = $metric->{metric_name};
	my @labels = @{ $metric->{key_labels} // [] };
	my @values = @{ $metric->{values} };
	my ($types, $rows) = result_of($db, $query);
	my (%seen, @faults);

	push @faults, 'names another kind of thing' unless $name =~ /^ledger_engine_[a-z_]+[a-z]$/;
	push @faults, 'a counter ends in _total, and nothing else does' if ($metric->{type} eq 'counter') != ($name =~ /_total$/);
	push @faults, "type $metric->{type}" unless $metric->{type} =~ /^(gauge|counter)$/;
	push @faults, 'no help' unless ($metric->{help} // '') =~ /\w.*\.$/;
	push @faults, 'one value' unless @values == 1;
	push @faults, "label $_" for grep { !/^[a-z][a-z_]*$/ || /^(job|instance|le|quantile|target)$/ } @labels;
	push @faults, "unknown key $_" for grep { !/^(metric_name|type|help|key_labels|values|query|query_ref)$/ } keys %$metric;
	push @faults, "no column $_" for grep { !exists $types->{$_} } @labels, @values;
	push @faults, "$_ is $types->{$_}" for grep { ($types->{$_} // '') !~ /^(bigint|integer|numeric|double precision)$/ } @values;
	for my $row (@$rows)
	{
		my $key = join '|', map { $row->{$_} // '' } @labels;

		push @faults, "twice: $key" if $seen{$key}++;
		push @faults, "empty label in $key" if grep { ($row->{$_} // '') eq '' } @labels;
		push @faults, "$key: '$row->{$_}' is no number" for grep { ($row->{$_} // '') !~ /^-?\d+(\.\d+)?$/ } @values;
		$samples{$db}{$name}{$key} = $row->{ $values[0] };
	}
	is(join(', ', @faults), '', "$db: $name");
	return scalar @$rows;
}

for my $db ('empty', 'ledger')
{
	%names = ();
	for my $file (@files)
	{
		my ($collector) = @{ CPAN::Meta::YAML->read($file) };
		my %queries = map { $_->{query_name} => $_->{query} } @{ $collector->{queries} // [] };
		my %unused = %queries;

		is($collector->{collector_name}, $file =~ s/.*\/|\.collector\.yml$//gr, 'named as its file');
		like($collector->{min_interval}, qr/^\d+[smh]$/, 'an interval');
		for my $metric (@{ $collector->{metrics} })
		{
			my $ref = $metric->{query_ref};
			my $query = defined $ref ? $queries{$ref} : $metric->{query};

			ok(!$names{ $metric->{metric_name} }++, "$metric->{metric_name} is there once");
			ok((defined $ref) + (defined $metric->{query}) == 1 && defined $query, 'it has a query');
			my $rows = check_metric($db, $file, $metric, $query);
			cmp_ok($rows, '>', 0, 'it has a sample') if $db eq 'ledger';
			delete $unused{$ref} if defined $ref;
		}
		is(join(' ', keys %unused), '', 'every query is used');
	}
}

# The numbers are right.
my %got = %{ $samples{ledger} };
my ($transactions, $journals, $lines) = split /\|/,
  $node->safe_psql('ledger', q{SELECT transactions, journals, lines FROM acct.journal_run WHERE run_key = 'posted'});
is($got{ledger_engine_posted_transactions_total}{''}, $transactions, 'transactions');
is($got{ledger_engine_posted_journals_total}{''}, $journals, 'journals');
is($got{ledger_engine_posted_lines_total}{''}, $lines, 'lines');
is($got{ledger_engine_step_rows}{expand}, 2000, 'rows of the last expansion');
is($got{ledger_engine_step_rows}{post}, $lines, 'rows of the last posting');
is(join(' ', map { "$_=$got{ledger_engine_runs}{$_}" } sort keys %{ $got{ledger_engine_runs} }),
	'created=1 discarded=0 expanded=1 posted=1 reversed=0', 'runs');
is($got{ledger_engine_backlog_transactions}{''} . ' ' . $got{ledger_engine_backlog_batches}{''}, '1000 1', 'backlog');
cmp_ok(abs(time - $got{ledger_engine_last_posted_timestamp_seconds}{''}), '<', 300, 'when the last run was posted');
cmp_ok(abs(time - $got{ledger_engine_backlog_oldest_timestamp_seconds}{''}), '<', 300, 'since when the oldest load has waited');
is($got{ledger_engine_partitions_ahead_months}{source} . $got{ledger_engine_partitions_ahead_months}{ledger}, '22', 'partitions ahead');
is($got{ledger_engine_health_status}{guard} . $got{ledger_engine_health_status}{exceptions_open}, '01', 'health');
is($got{ledger_engine_job_status}{rotate} . $got{ledger_engine_job_status}{snapshot}, '11', 'jobs');
is($got{ledger_engine_snapshot_differences}{''} . $got{ledger_engine_source_rows_astray}{''}, '00', 'nothing is astray');
is($samples{empty}{ledger_engine_posted_lines_total}{''}, 0, 'nothing is posted in an empty ledger');
is($samples{empty}{ledger_engine_partitions_ahead_months}{source}, 0, 'an empty ledger has no partitions');
# Every check of health() is in one of the two.
my $checks = $node->safe_psql('ledger', q{SELECT string_agg(check_name, ' ' ORDER BY check_name) FROM acct.health()
	WHERE check_name NOT IN ('snapshot', 'source_rows')});
is(join(' ', sort keys %{ $got{ledger_engine_health_status} }), $checks, 'all quick checks');

# What alerts and documentation name exists.
for my $file ("$directory/ledger_engine.rules.yml", "$directory/README.md")
{
	my $text = slurp_file($file);
	my @unknown = grep { !$names{$_} && !/^ledger_engine(_slow)?$/ } $text =~ /\b(ledger_engine_[a-z_]*[a-z])\b(?!\.)/g;

	is(join(' ', @unknown), '', "$file: metrics that exist");
}
my ($rules) = @{ CPAN::Meta::YAML->read("$directory/ledger_engine.rules.yml") };
for my $rule (map { @{ $_->{rules} } } @{ $rules->{groups} })
{
	ok($rule->{alert} =~ /^LedgerEngine[A-Z]\w+$/ && $rule->{expr} && $rule->{annotations}{summary} && $rule->{labels}{severity} =~ /^(warning|critical)$/,
		"alert $rule->{alert}");
}

$node->stop;
done_testing();
