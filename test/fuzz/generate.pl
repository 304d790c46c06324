#!/usr/bin/env perl
# Writes the psql script of a stretch of fuzz cases: expressions by a grammar over the columns of
# acct.txn_source_parent (as test/fuzz/fuzz.sql makes it), and mutations of those and of a corpus.
#
# usage: generate.pl SEED CASES BATCH [CORPUS-FILE...]
#
# Case N depends on N and the corpus alone. A case is what the engine is given and what it should mean to the server: the same text,
# with the names that follow a colon written without it. Where a mutation leaves that open, each reading is given.
use strict;
use warnings FATAL => 'all';
use utf8;

my ($seed, $cases, $batch, @corpus_files) = @ARGV;
my $name_mark = "\x{1}"; # before a name that is written with a colon
my @corpus = read_corpus(@corpus_files);

binmode STDOUT, ':encoding(UTF-8)';

# Seeds that are near each other must not give numbers that are.
sub seed
{
	my ($h) = @_;
	# Of 32 bits, so that the products below are no floating point numbers.
	$h = ($h ^ ($h >> 32)) & 0xFFFFFFFF;
	for (1 .. 3) { $h = (($h ^ ($h >> 16)) * 0x45D9F3B) & 0xFFFFFFFF; }
	srand($h);
	return;
}

sub dice { return int(rand($_[0])); }
sub one_in { return dice($_[0]) == 0; }
sub pick { return $_[dice(scalar @_)]; }

# The string literals of SQL files: most of them are expressions.
sub read_corpus
{
	my %seen;
	for my $file (@_)
	{
		open my $in, '<:encoding(UTF-8)', $file or die "cannot read $file: $!\n";
		local $/ = undef;
		my $text = <$in>;
		while ($text =~ /'((?:[^'\\]|''){1,300})'/g)
		{
			my $literal = $1;
			$literal =~ s/''/'/g;
			$seen{$literal} = 1;
		}
	}
	return sort keys %seen;
}

# Grammar. Each returns a list of tokens; $d is the depth that is left.

sub column { my ($name) = @_; return one_in(3) ? "$name_mark$name" : one_in(12) ? ("txn_source_parent", ".", $name) : $name; }

sub call { my ($name, @args) = @_; my @t = ($name, '('); for my $i (0 .. $#args) { push @t, ',' if $i; push @t, @{$args[$i]}; } return (@t, ')'); }

my %make;

sub gen
{
	my ($type, $d, $is_whole) = @_;
	# now and then something of another type, which is mostly refused
	$type = pick(sort keys %make) if one_in(100);
	my $rules = $make{$type};
	return pick(@{$rules->{leaf}})->($d) if $d <= 0 || (one_in(6) && !$is_whole);
	return pick(@{$rules->{inner}})->($d - 1);
}

sub case_of { my ($type, $d) = @_; return ('CASE', 'WHEN', gen('bool', $d), 'THEN', gen($type, $d), (one_in(3) ? ('WHEN', gen('bool', $d), 'THEN', gen($type, $d)) : ()), (one_in(4) ? () : ('ELSE', gen($type, $d))), 'END'); }
sub choice_of { my ($type, $d) = @_; return call(pick('coalesce', 'greatest', 'least', 'nullif'), [gen($type, $d)], [gen($type, $d)]); }
sub small { return pick('0', '1', '2', '3', '-1', '7'); }
sub quoted { my ($s) = @_; $s =~ s/'/''/g; return "'$s'"; }
sub key { return quoted(pick('rate', 'amount', 'flag', 'name', 'list', 'nested', 'nosuch', 'nan', 'bad', 'Ключ')); }
sub time_field { return pick('year', 'month', 'day', 'quarter', 'week', 'doy', 'dow', 'isoyear', 'epoch', 'hour', 'century', 'nosuch'); }

%make = (
	num => {
		leaf => [
			(sub { column(pick('gross_amount', 'tabarru_amount', 'tanahud_amount', 'investment_amount', 'ujroh_amount')) }) x 4,
			sub { column(pick('rate', '"Odd Name"')) },
			sub { pick('0', '1', '0.05', '30', '100', '1.005', '2.5', '-0.5', '1e3', '1e-20', '99999999999999999999.9999', '.5', '5.', '1e15', '0.00005', '1e131000') },
			sub { pick("'12.5'", "'NaN'", "'-Infinity'", "' 7 '", "'1e5'") . '::numeric' },
			sub { ('NULL', '::', 'numeric') },
		],
		inner => [
			(sub { ('(', gen('num', $_[0]), pick('+', '-', '*', '/', '%'), gen('num', $_[0]), ')') }) x 4,
			sub { (gen('num', $_[0]), pick('+', '-', '*', '/'), gen('num', $_[0])) },
			sub { (pick('-', '+', '@'), '(', gen('num', $_[0]), ')') },
			sub { call(pick('abs', 'ceil', 'floor', 'sign', 'sqrt', 'trunc', 'round', 'trim_scale', 'pg_catalog.abs', 'ln', 'log', 'exp'), [gen('num', $_[0])]) },
			sub { call(pick('round', 'trunc'), [gen('num', $_[0])], [pick('0', '1', '2', '4', '-2', '20', 'days')]) },
			sub { call(pick('mod', 'div', 'power', 'log', 'gcd', 'lcm'), [gen('num', $_[0])], [gen('num', $_[0])]) },
			sub { ('(', gen('num', $_[0]), ')', '^', pick('2.0', '0.5', '-1.0', '3', 'rate')) },
			(sub { case_of('num', $_[0]) }) x 2,
			(sub { choice_of('num', $_[0]) }) x 2,
			sub { ('(', gen('num', $_[0]), ')', '::', 'numeric', pick('', '(10,2)', '(20,4)', '(3)', '(38,20)', '(5,-2)', '(1001)')) },
			sub { ('CAST', '(', gen('int', $_[0]), 'AS', 'numeric', ')') },
			(sub { ('(', gen('json', $_[0]), '->>', key(), ')', '::', 'numeric') }) x 2,
			sub { ('extract', '(', time_field(), 'FROM', gen(pick('date', 'ts', 'interval'), $_[0]), ')') },
			sub { call('width_bucket', [gen('num', $_[0])], ['0'], [gen('num', $_[0])], [small()]) },
			sub { ('(', gen('nums', $_[0]), ')', '[', gen('int', $_[0]), ']') },
			sub { ('(', gen('text', $_[0]), ')', '::', 'numeric') },
			sub { gen('int', $_[0]) },
			sub { call('factorial', ['abs', '(', gen('int', 0), ')', '%', '15']) },
		],
	},
	int => {
		leaf => [
			(sub { column(pick('txn_id', 'days', 'days', 'batch_id - batch_id')) }) x 2,
			sub { pick('0', '1', '2', '7', '100', '-3', '2147483647', '9223372036854775807', '1::smallint') },
			sub { ('NULL', '::', 'integer') },
		],
		inner => [
			(sub { ('(', gen('int', $_[0]), pick('+', '-', '*', '%', '&', '|', '#', '<<'), gen('int', $_[0]), ')') }) x 3,
			sub { ('(', gen('int', $_[0]), '/', gen('int', $_[0]), ')') },
			sub { call(pick('length', 'octet_length', 'ascii', 'char_length', 'bit_length'), [gen('text', $_[0])]) },
			sub { call('strpos', [gen('text', $_[0])], [gen('text', 0)]) },
			sub { ('position', '(', gen('text', 0), 'IN', gen('text', $_[0]), ')') },
			sub { call('length', [gen('bytea', $_[0])]) },
			(sub { ('(', gen('date', $_[0]), '-', gen('date', $_[0]), ')') }) x 2,
			sub { call(pick('days_in_month', 'acct.days_in_month'), [gen('date', $_[0])]) },
			sub { call('cardinality', [gen(pick('nums', 'texts'), $_[0])]) },
			sub { call('jsonb_array_length', [gen('json', $_[0])]) },
			sub { case_of('int', $_[0]) },
			sub { choice_of('int', $_[0]) },
			sub { ('(', gen('num', $_[0]), ')', '::', pick('int', 'bigint', 'smallint')) },
			sub { ('(', gen('bool', $_[0]), ')', '::', 'int') },
			sub { call('num_nulls', [gen('num', $_[0])], [gen('text', $_[0])]) },
		],
	},
	text => {
		leaf => [
			(sub { column(pick('policy_no', 'channel', 'product_code', 'currency', 'entity_code', 'txn_type', 'wide')) }) x 3,
			sub { quoted(pick('', 'A', 'abc', ':gross_amount', 'it\'s', 'select', 'Ünïcödé', "\x{1F600}", 'a%b_c', '12', '1e5', 'today', '--', '/*', '\\', '$.a', '{1,2}', '[1,2)', "\x{202E}x", 'true')) },
			sub { pick(q{E'a\\'b\\n'}, q{U&'\\0061\\+00006A'}, q{$$x$$}, q{$q$ :x $q$}, q{E'\\x41\\u00e9'}, "''''") },
			sub { ('NULL', '::', 'text') },
		],
		inner => [
			(sub { (gen('text', $_[0]), '||', gen('text', $_[0])) }) x 2,
			sub { call(pick('upper', 'lower', 'initcap', 'btrim', 'reverse', 'md5', 'quote_literal', 'quote_ident', 'quote_nullable', 'ltrim', 'normalize'), [gen('text', $_[0])]) },
			sub { call(pick('left', 'right', 'repeat', 'substr', 'lpad'), [gen('text', $_[0])], [small()]) },
			sub { call(pick('replace', 'translate', 'regexp_replace'), [gen('text', $_[0])], [gen('text', 0)], [gen('text', 0)]) },
			sub { call('split_part', [gen('text', $_[0])], [gen('text', 0)], [small()]) },
			sub { ('substring', '(', gen('text', $_[0]), 'FROM', small(), 'FOR', small(), ')') },
			sub { ('overlay', '(', gen('text', $_[0]), 'PLACING', gen('text', 0), 'FROM', small(), ')') },
			sub { call(pick('to_code', 'acct.to_code'), [gen('date', $_[0])], [pick("'YYYY-MM-DD'", "'Q/YY'", "'DDD'", "''")]) },
			(sub { ('(', gen('json', $_[0]), '->>', key(), ')') }) x 2,
			sub { ('(', gen(pick('num', 'int', 'json', 'bool', 'interval', 'bytea', 'nums', 'date', 'ts'), $_[0]), ')', '::', 'text') },
			sub { ('(', gen('texts', $_[0]), ')', '[', gen('int', $_[0]), ']') },
			sub { case_of('text', $_[0]) },
			sub { choice_of('text', $_[0]) },
			sub { call('encode', [gen('bytea', $_[0])], [pick("'hex'", "'base64'", "'escape'", "'nosuch'")]) },
			sub { ('(', gen('text', $_[0]), ')', '::', pick('varchar(3)', 'char(5)', 'name', 'bpchar', '"char"', 'varchar')) },
			sub { ('(', gen('text', $_[0]), ')', 'COLLATE', pick('"C"', '"POSIX"', '"default"', 'pg_catalog."C"')) },
		],
	},
	bool => {
		leaf => [
			sub { pick('true', 'false', 'NULL::boolean') },
			(sub { column('flag') }) x 2,
			sub { (column('gross_amount'), pick('>', '<', '=', '<>', '>=', '<='), pick('0', '100', '1e15')) },
			sub { (column(pick('policy_no', 'attributes', 'rate', 'days')), 'IS', pick('', 'NOT'), 'NULL') },
		],
		inner => [
			(sub { my $t = pick('num', 'num', 'int', 'text', 'date', 'ts', 'interval', 'json', 'bool', 'bytea'); (gen($t, $_[0]), pick('=', '<>', '<', '>', '<=', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM', '!='), gen($t, $_[0])) }) x 4,
			(sub { ('(', gen('bool', $_[0]), pick('AND', 'OR'), gen('bool', $_[0]), ')') }) x 3,
			sub { ('NOT', '(', gen('bool', $_[0]), ')') },
			sub { ('(', gen('bool', $_[0]), ')', 'IS', pick('', 'NOT'), pick('TRUE', 'FALSE', 'UNKNOWN', 'NULL')) },
			sub { my $t = pick('num', 'int', 'text', 'date'); (gen($t, $_[0]), pick('IN', 'NOT IN'), '(', gen($t, 0), ',', gen($t, 0), ')') },
			sub { my $t = pick('num', 'date', 'text'); ('(', gen($t, $_[0]), pick('', 'NOT'), 'BETWEEN', pick('', 'SYMMETRIC'), gen($t, 0), 'AND', gen($t, 0), ')') },
			sub { ('(', gen('text', $_[0]), pick('LIKE', 'ILIKE', 'NOT LIKE', '~', '~*', '!~', 'SIMILAR TO', '^@'), gen('text', 0), ')') },
			sub { ('(', gen('text', $_[0]), 'LIKE', gen('text', 0), 'ESCAPE', pick("'!'", "''", "'ab'"), ')') },
			sub { (gen('num', $_[0]), pick('=', '<', '>'), pick('ANY', 'ALL'), '(', gen('nums', $_[0]), ')') },
			sub { (gen('text', $_[0]), '=', 'ANY', '(', gen('texts', $_[0]), ')') },
			sub { ('(', gen('json', $_[0]), '?', key(), ')') },
			sub { ('(', gen('json', $_[0]), pick('@>', '<@'), gen('json', 0), ')') },
			sub { ('(', gen('json', $_[0]), pick('@?', '@@'), pick(q{'$.list[*] ? (@ > 1)'}, q{'$.rate > 0.1'}, q{'$.a.double()'}, q{'strict $.x'}, q{'$.name like_regex "a"'}, q{'$['}), ')') },
			sub { ('(', gen('json', $_[0]), '->>', key(), ')', '::', 'boolean') },
			sub { ('(', gen('date', $_[0]), '<@', pick("'[2025-01-01,2025-02-01)'", "'empty'", "'[,]'", "'[today,)'"), '::', 'daterange', ')') },
			sub { ('(', gen('ts', $_[0]), ',', gen('interval', 0), ')', 'OVERLAPS', '(', gen('ts', 0), ',', gen('ts', 0), ')') },
			sub { call('isfinite', [gen(pick('date', 'ts', 'interval'), $_[0])]) },
			sub { (gen('nums', $_[0]), pick('&&', '@>', '=', '<'), gen('nums', $_[0])) },
			sub { case_of('bool', $_[0]) },
			sub { choice_of('bool', $_[0]) },
			sub { call('starts_with', [gen('text', $_[0])], [gen('text', 0)]) },
			sub { ('(', gen('text', $_[0]), 'IS', pick('', 'NOT'), pick('NFC', 'NFKD', ''), 'NORMALIZED', ')') },
		],
	},
	date => {
		leaf => [
			(sub { column(pick('bank_value_date', 'txn_month')) }) x 3,
			sub { ('date', pick("'2025-01-31'", "'2024-02-29'", "'infinity'", "'epoch'", "'0001-01-01 BC'", "'5874897-12-31'", "'today'", "'31/01/2025'")) },
			sub { ('NULL', '::', 'date') },
		],
		inner => [
			(sub { ('(', gen('date', $_[0]), pick('+', '-'), gen('int', $_[0]), ')') }) x 2,
			(sub { call(pick('month_start', 'month_end', 'acct.month_end'), [gen('date', $_[0])]) }) x 2,
			sub { call('make_date', [gen('int', 0)], [small()], [small()]) },
			sub { ('(', gen('ts', $_[0]), ')', '::', 'date') },
			sub { case_of('date', $_[0]) },
			sub { choice_of('date', $_[0]) },
			sub { call(pick('lower', 'upper'), ['daterange', '(', gen('date', 0), ',', gen('date', 0), ')']) },
		],
	},
	ts => {
		leaf => [
			(sub { (column('bank_value_date'), '::', 'timestamp') }) x 2,
			sub { ('timestamp', pick("'2025-01-31 12:34:56.789'", "'infinity'", "'2025-01-01 BC'", "'now'", "'294276-12-31'")) },
			sub { column('seen') },
		],
		inner => [
			sub { ('(', gen('ts', $_[0]), pick('+', '-'), gen('interval', $_[0]), ')') },
			sub { ('(', gen('date', $_[0]), '+', gen('interval', $_[0]), ')') },
			sub { ('(', gen('date', $_[0]), '+', 'time', pick("'12:00'", "'24:00'", "'allballs'", "'now'"), ')') },
			sub { call('date_trunc', [quoted(time_field())], [gen('ts', $_[0])]) },
			sub { ('(', 'timestamptz', pick("'2025-01-31 00:00+07'", "'2025-01-31 00:00'", "'2025-06-01 00:00 IST'", "'2025-06-01 America/New_York'"), 'AT', 'TIME', 'ZONE', pick("'UTC'", "'Asia/Jakarta'", "'IST'", "'nosuch'", 'channel'), ')') },
			sub { case_of('ts', $_[0]) },
			sub { choice_of('ts', $_[0]) },
		],
	},
	interval => {
		leaf => [
			sub { ('interval', pick("'1 day'", "'-1 2:03:04'", "'1 month -1 day'", "'P1Y2M'", "'1-2'", "'178000000 years'", "'0'")) },
			sub { ('NULL', '::', 'interval') },
		],
		inner => [
			sub { ('(', gen('ts', $_[0]), '-', gen('ts', $_[0]), ')') },
			sub { call('make_interval', [gen('int', $_[0])], [small()]) },
			sub { call(pick('justify_days', 'justify_hours', 'justify_interval'), [gen('interval', $_[0])]) },
			sub { ('(', gen('interval', $_[0]), pick('+', '-'), gen('interval', $_[0]), ')') },
			sub { ('(', gen('interval', $_[0]), '*', gen('int', 0), ')') },
			sub { call('age', [gen('ts', $_[0])], [gen('ts', $_[0])]) },
		],
	},
	json => {
		leaf => [
			(sub { column('attributes') }) x 3,
			sub { (pick(q('{"rate": 0.3, "list": [1, 2]}'), q('[1, "a", null]'), q('"x"'), q('null'), q('{}'), q('{')), '::', 'jsonb') },
		],
		inner => [
			(sub { ('(', gen('json', $_[0]), '->', pick(key(), '0', '-1'), ')') }) x 2,
			sub { ('(', gen('json', $_[0]), '#>', pick("'{nested,a}'", "'{list,0}'", "'{}'", "'{'"), ')') },
			sub { ('(', gen('json', $_[0]), '||', gen('json', $_[0]), ')') },
			sub { ('(', gen('json', $_[0]), '-', pick(key(), '0'), ')') },
			sub { call('jsonb_set', [gen('json', $_[0])], [pick("'{rate}'", "'{list,0}'")], [gen('json', 0)]) },
			sub { call('jsonb_path_query_first', [gen('json', $_[0])], [pick(q{'$.list[*]'}, q{'$.**'}, q{'$.rate * 2'}, q{'$.list.size()'}, q{'$.amount.double()'})]) },
			sub { ('(', gen('json', $_[0]), ')', '[', pick(key(), '0'), ']') },
			sub { ('(', gen('text', 0), ')', '::', 'jsonb') },
			sub { case_of('json', $_[0]) },
		],
	},
	nums => {
		leaf => [ sub { column('amounts') }, sub { (pick("'{1,2.5,NULL}'", "'{}'", "'{{1,2},{3,4}}'", "'[2:3]={1,2}'", "'{'"), '::', 'numeric[]') } ],
		inner => [
			(sub { ('ARRAY', '[', gen('num', $_[0]), ',', gen('num', $_[0]), ']') }) x 2,
			sub { ('(', gen('nums', $_[0]), ')', '[', gen('int', 0), ':', gen('int', 0), ']') },
			sub { ('(', gen('nums', $_[0]), '||', gen(pick('num', 'nums'), $_[0]), ')') },
			sub { call(pick('array_append', 'array_remove'), [gen('nums', $_[0])], [gen('num', $_[0])]) },
			sub { call('array_replace', [gen('nums', $_[0])], [gen('num', 0)], [gen('num', 0)]) },
		],
	},
	texts => {
		leaf => [ sub { column('tags') }, sub { (pick("'{a,b,NULL}'", "'{}'", q('{"x y",today}')), '::', 'text[]') } ],
		inner => [
			sub { ('ARRAY', '[', gen('text', $_[0]), ',', gen('text', $_[0]), ']') },
			sub { call('string_to_array', [gen('text', $_[0])], [gen('text', 0)]) },
			sub { call('regexp_match', [gen('text', $_[0])], [pick("'(.)(.)'", "'['", "'a*'")]) },
			sub { ('(', gen('texts', $_[0]), ')', '[', gen('int', 0), ':', ']') },
			sub { call('array_append', [gen('texts', $_[0])], [gen('text', $_[0])]) },
		],
	},
	bytea => {
		leaf => [ sub { column('raw') }, sub { (pick(q('\x00ff'), q('abc'), q('\000')), '::', 'bytea') } ],
		inner => [
			sub { call('decode', [gen('text', $_[0])], [pick("'hex'", "'base64'", "'escape'")]) },
			sub { call('sha256', [gen('bytea', $_[0])]) },
			sub { (gen('bytea', $_[0]), '||', gen('bytea', $_[0])) },
			sub { call('substr', [gen('bytea', $_[0])], [small()]) },
		],
	},
);

# What must not be there, as tokens for mutations.
my @odd = (
	'current_date', 'now()', 'random()', 'current_user', '(SELECT 1)', 'sum(1)', '$1', '::float8', '::money', '::regclass', '::xml', '::timetz', "'today'", 'generate_series(1,2)', 'nextval', 'tableoid', 'ctid',
	'txn_source_parent', '.*', '*', 'row(1,2)', 'NULL::internal', '::cstring', 'OVER ()', 'DISTINCT', 'AS', 'FROM', ';', '--', '/*', '*/', "'", '"', '$$', 'E', 'U&', ':', '::', ':=', '=>', '[', ']', '(', ')', ',', '.', '..', 'NULL', 'NOT',
	'fuzz_evil.abs', 'pg_catalog.', 'OPERATOR(pg_catalog.+)', 'OPERATOR(fuzz_evil.+)', 'COLLATE "C"', 'COLLATE "en_US"', 'VARIADIC', 'CASE', 'WHEN', 'THEN', 'ELSE', 'END', 'AND', 'OR', 'IS', 'IN', 'LIKE', 'BETWEEN', 'ARRAY', 'EXISTS', 'ANY',
	'1/2', '/2', '0', '-', '+', '^', '%', '!', '@', '#', '~', '|', '&', '?', '\\', '`', "\x{200B}", "\x{A0}", "\x{FEFF}", "\x{202E}", "\x{FF11}", "é", "\x{1F4A3}", "\t", "\n", "\r", "\x{0B}", "\x{7F}", '99999999999999999999', '1e400', '-9223372036854775808', 'numeric_in', 'satisfies_hash_partition(1,1,0,1)', '0x1F', '1_000');
my @chars = ((map { chr } 32 .. 126), "\n", "\t", "é", "\x{1F600}", "\x{300}", "\x{200B}", "'", "'", '"', ':', ':', '(', ')', '\\', '$');

sub mutate_list
{
	my ($of, @t) = @_;
	for (0 .. dice(3))
	{
		my $i = dice(@t + 1);
		my $j = dice(@t + 1);
		my $how = dice(5);

		if ($how == 0 && @t > 1) { splice @t, $i % @t, 1; }
		elsif ($how == 1 && @t) { splice @t, $i, 0, $t[$j % @t]; }
		elsif ($how == 2 && @t) { @t[$i % @t, $j % @t] = @t[$j % @t, $i % @t]; }
		elsif ($how == 3 && @t > 3) { splice @t, $i % @t, 1 + dice(3); }
		else { splice @t, $i, 0, pick(@$of); }
	}
	return @t;
}

sub join_tokens
{
	my $text = '';
	for my $token (@_)
	{
		my $tight = $text eq '' || ($token =~ /^[(),\[\]]/ || $text =~ /[(\[]$/) && one_in(2);
		$text .= $tight ? '' : one_in(40) ? "\n" : one_in(60) ? ' /* :x */ ' : one_in(80) ? " -- :x ' \n" : ' ';
		$text .= $token;
	}
	return $text;
}

# What would cost memory or time by design: large numbers where they are sizes or powers.
sub is_costly
{
	my ($text) = @_;
	return $text =~ /repeat|pad|fill|factorial|power|exp|\^/ && $text =~ /[0-9_]{5,}|[0-9]e[0-9]/i;
}

# The texts that could be meant: each colon that is not one of several stands for itself or for a space.
sub readings
{
	my ($text) = @_;
	my @at;
	while ($text =~ /(?<!:):(?!:)/g) { push @at, $-[0]; }
	return ($text) if @at > 4;
	my @readings;
	for my $set (0 .. 2**@at - 1)
	{
		my $reading = $text;
		substr($reading, $at[$_], 1) = ' ' for grep { $set & (1 << $_) } 0 .. $#at;
		push @readings, $reading;
	}
	return reverse @readings;
}

# The kind, the text, and how the server may read it.
sub make_case
{
	my $kind = one_in(3) ? 'condition' : 'amount';
	my $how = dice(20);
	my ($text, @readings);

	if ($how < 3)
	{
		my $base = pick(@corpus);
		$text = one_in(4) ? $base : join '', mutate_list(\@chars, split //, $base);
		@readings = readings($text);
	}
	else
	{
		my @tokens = gen($kind eq 'amount' ? 'num' : 'bool', 1 + dice(4), 1);
		# In a subscript it would be the colon of a slice.
		for my $at (2 .. $#tokens) { $tokens[$at] =~ s/^$name_mark// if $tokens[ $at - 1 ] eq '[' && $tokens[ $at - 2 ] ne 'ARRAY'; }
		@tokens = mutate_list(\@odd, @tokens) if $how >= 12 && $how < 17;
		$text = join_tokens(@tokens);
		$text = join '', mutate_list(\@chars, split //, $text) if $how >= 17;
		my $plain = $text =~ s/$name_mark//gr;
		$text =~ s/$name_mark/:/g;
		@readings = $how < 12 ? ($plain) : do { my %seen; grep { !$seen{$_}++ } $plain, readings($text) };
	}
	return ($kind, $text, @readings);
}

sub case_for
{
	my ($number) = @_;
	for (my $try = 0;; $try++)
	{
		seed($number * 64 + $try);
		my ($kind, $text, @readings) = make_case();
		return ($kind, $text, @readings) if !is_costly($text) && length $text < 8000 && $text !~ /\0/;
	}
}

# For COPY: a field, and an array of texts.
sub field { my ($s) = @_; $s =~ s/\\/\\\\/g; $s =~ s/\n/\\n/g; $s =~ s/\r/\\r/g; $s =~ s/\t/\\t/g; return $s; }
sub array { return '{' . join(',', map { my $e = $_; $e =~ s/(["\\])/\\$1/g; "\"$e\"" } @_) . '}'; }

# Settings of the session, none of which may count.
my @settings = (
	"datestyle = 'SQL, DMY'", "timezone = 'Asia/Kolkata'", "timezone_abbreviations = 'India'", "intervalstyle = 'sql_standard'", 'extra_float_digits = -15', "bytea_output = 'escape'", 'standard_conforming_strings = off',
	'backslash_quote = off', 'array_nulls = off', 'transform_null_equals = on', 'quote_all_identifiers = on', 'search_path = fuzz_evil, pg_temp, pg_catalog', "default_text_search_config = 'simple'", "xmlbinary = 'hex'", 'jit_above_cost = 0', "lc_monetary = 'C'");

my $last = $seed + $cases - 1;
my $batches = 0;
for (my $first = $seed; $first <= $last; $first += $batch)
{
	my $end = $first + $batch - 1 < $last ? $first + $batch - 1 : $last;

	print "\\echo \@begin $first $end\nBEGIN;\nCOPY fuzz.given (case_no, kind, expr, readings) FROM stdin;\n";
	for my $number ($first .. $end)
	{
		my ($kind, $text, @readings) = case_for($number);
		print join("\t", $number, $kind, field($text), field(array(@readings))), "\n";
	}
	print "\\.\n";
	seed($first * 64 + 63);
	for my $setting (@settings) { print "SET LOCAL $setting;\n" if !one_in(3); }
	print "SELECT fuzz.run_batch();\nROLLBACK;\n";
	print "SELECT '\@memory ' || sum(total_bytes) FROM pg_backend_memory_contexts;\n";
	print "\\echo \@end $first $end\n";
	# catalogs without what the batches rolled back
	print "VACUUM pg_class, pg_attribute, pg_type, pg_depend, pg_index, pg_constraint, pg_trigger;\n" if ++$batches % 20 == 0;
}
