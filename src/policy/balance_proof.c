/*
 * balance_proof.c
 *		acct._prove_balance(): do the lines of a template balance in each fund,
 *		whatever the transaction?
 *
 * The lines of a fund are evaluated on each path (symbolic.h), by the rules of
 * expand/journal.c: an amount is rounded, half away from zero, to the minor
 * units of the currency; a negative one swaps sides, which leaves debit less
 * credit as it is; a line whose condition is not true, and one of zero, counts
 * nothing; a balancing line takes what the other lines of its fund, as the
 * template names it, leave. What an amount that is NULL, NaN or infinite comes
 * to is an exception and no journal. A fund is proved where debit less credit,
 * added up over its lines as they are mapped, is zero on each path that is
 * possible.
 *
 * Two lines that are the same but for their side cancel each other out whatever
 * they come to, and are not evaluated.
 *
 * Tried first without the equalities that CHECK constraints of the source say,
 * and without what it means that a template refuses negative amounts, so that it
 * is known whether they are needed.
 */
#include "policy/expression.h"
#include "policy/source_facts.h"
#include "policy/symbolic.h"

#include "common/columns.h"
#include "common/settings_scope.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

LEDGER_FUNCTION(ledger_prove_balance);

/* The arguments of acct._prove_balance(), in their order. */
enum
{
	ARG_IS_DEBIT,
	ARG_AMOUNTS,
	ARG_CONDITIONS,
	ARG_FUNDS,
	ARG_MAPPED_FUNDS,
	ARG_MATCH_CONDITION,
	ARG_KNOWN_COLUMNS,
	ARG_KNOWN_VALUES,
	ARG_MINOR_UNITS,
	ARG_ARE_ROUNDED,
	ARG_REFUSES_NEGATIVE
};

/* What a proof may use; each has what the one before has. */
typedef enum ProofMeans
{
	MEANS_AMOUNTS, /* the amounts alone */
	MEANS_CHECKS,  /* equalities that CHECK constraints say */
	MEANS_REFUSAL  /* no journal has a negative amount */
} ProofMeans;

typedef struct ProofLine
{
	bool is_debit;
	Node *amount;    /* NULL: the balancing line of its fund */
	Node *condition; /* NULL: always */
	const char *fund;
	const char *mapped_fund;
	bool is_cancelled; /* by another line, of the other side */
} ProofLine;

typedef struct Proof
{
	Relation source;
	int nlines;
	ProofLine *lines;
	Node *match_condition;
	int nknown;
	KnownCode *known;
	int minor_units;
	bool are_rounded; /* columns have no more decimals than the currency */
	bool refuses_negative;
} Proof;

/* What became of one fund. */
typedef struct FundProof
{
	bool is_proved;
	int cases;     /* paths on which there is a journal */
	char *rest;    /* debit less credit where it is not proved */
	char *where;   /* and the decisions of that path */
	char *problem; /* why it was not gone through to the end */
} FundProof;

static char **
text_array(Datum array, int *count)
{
	Datum *values;
	bool *nulls;
	char **texts;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  count);
	texts = palloc0_array(char *, *count + 1);
	for (int i = 0; i < *count; i++)
		if (!nulls[i])
			texts[i] = TextDatumGetCString(values[i]);
	return texts;
}

static Node *
planned(const Proof *proof, const char *text, ExpressionKind kind)
{
	return text == NULL ? NULL : expression_plan(text, kind, proof->source);
}

static void
take_lines(FunctionCallInfo fcinfo, Proof *proof)
{
	int counts[4];
	char **amounts = text_array(PG_GETARG_DATUM(ARG_AMOUNTS), &counts[0]);
	char **conditions = text_array(PG_GETARG_DATUM(ARG_CONDITIONS), &counts[1]);
	char **funds = text_array(PG_GETARG_DATUM(ARG_FUNDS), &counts[2]);
	char **mapped = text_array(PG_GETARG_DATUM(ARG_MAPPED_FUNDS), &counts[3]);
	Datum *sides;

	deconstruct_array(DatumGetArrayTypeP(PG_GETARG_DATUM(ARG_IS_DEBIT)), BOOLOID, 1, true,
					  TYPALIGN_CHAR, &sides, NULL, &proof->nlines);
	for (int i = 0; i < lengthof(counts); i++)
		if (counts[i] != proof->nlines)
			elog(ERROR, "the lines to be proved have arrays of different lengths");
	proof->lines = palloc0_array(ProofLine, proof->nlines + 1);
	for (int i = 0; i < proof->nlines; i++)
	{
		ProofLine *line = &proof->lines[i];

		line->is_debit = DatumGetBool(sides[i]);
		line->amount = planned(proof, amounts[i], EXPRESSION_AMOUNT);
		line->condition = planned(proof, conditions[i], EXPRESSION_CONDITION);
		line->fund = funds[i];
		line->mapped_fund = mapped[i];
	}
}

/* Do two lines come to the same amount, on opposite sides of the same fund? */
static bool
cancel_out(const ProofLine *a, const ProofLine *b)
{
	return !a->is_cancelled && !b->is_cancelled && a->is_debit != b->is_debit &&
		   a->amount != NULL && b->amount != NULL && strcmp(a->fund, b->fund) == 0 &&
		   strcmp(a->mapped_fund, b->mapped_fund) == 0 && equal(a->amount, b->amount) &&
		   equal(a->condition, b->condition);
}

static void
cancel_lines(Proof *proof)
{
	for (int i = 0; i < proof->nlines; i++)
		for (int j = i + 1; j < proof->nlines; j++)
			if (cancel_out(&proof->lines[i], &proof->lines[j]))
				proof->lines[i].is_cancelled = proof->lines[j].is_cancelled = true;
}

static void
take_known(FunctionCallInfo fcinfo, Proof *proof)
{
	TupleDesc tupdesc = RelationGetDescr(proof->source);
	int count;
	char **names = text_array(PG_GETARG_DATUM(ARG_KNOWN_COLUMNS), &count);
	char **values = text_array(PG_GETARG_DATUM(ARG_KNOWN_VALUES), &count);

	proof->known = palloc_array(KnownCode, count + 1);
	for (int i = 0; i < count; i++)
		if (values[i] != NULL)
		{
			KnownCode *known = &proof->known[proof->nknown++];

			known->column =
				column_find(tupdesc, RelationGetRelationName(proof->source), names[i], TEXTOID);
			known->value = CStringGetTextDatum(values[i]);
		}
}

static bool
has_balancing_line(const Proof *proof, const char *fund, const char *mapped_fund)
{
	for (int i = 0; i < proof->nlines; i++)
		if (proof->lines[i].amount == NULL && strcmp(proof->lines[i].fund, fund) == 0 &&
			strcmp(proof->lines[i].mapped_fund, mapped_fund) == 0)
			return true;
	return false;
}

/* Does what a line comes to matter to a fund as mapped: is it in it, or does a balancing line there take what it leaves? */
static bool
is_relevant(const Proof *proof, const ProofLine *line, const char *mapped_fund)
{
	if (line->amount == NULL || line->is_cancelled)
		return false;
	return strcmp(line->mapped_fund, mapped_fund) == 0 ||
		   has_balancing_line(proof, line->fund, mapped_fund);
}

/* The amount of each line that is relevant; NULL: none. False where the path has no journal. */
static bool
evaluate_lines(const Proof *proof, ProofPath *path, const char *mapped_fund,
			   const LinearForm **values)
{
	if (proof->match_condition != NULL &&
		symbolic_truth(path, proof->match_condition) != TRUTH_TRUE)
		return false;
	for (int i = 0; i < proof->nlines && !path->is_impossible; i++)
	{
		const ProofLine *line = &proof->lines[i];
		SymbolicValue amount;

		values[i] = NULL;
		if (!is_relevant(proof, line, mapped_fund) ||
			(line->condition != NULL && symbolic_truth(path, line->condition) != TRUTH_TRUE))
			continue;
		amount = symbolic_value(path, line->amount);
		if (amount.kind != VALUE_FINITE)
			return false;
		values[i] = amount.form;
	}
	return !path->is_impossible;
}

/*
 * False where the template refuses the path for a negative amount. One that is negative and not refused comes to zero
 * when it is rounded.
 */
static bool
passes_refusal(const Proof *proof, ProofPath *path, const LinearForm **values)
{
	for (int i = 0; i < proof->nlines && !path->is_impossible; i++)
	{
		LinearForm *amount;
		LinearForm *booked;

		if (values[i] == NULL || path_sign(path, values[i]) >= 0)
			continue;
		amount = path_reduce(path, values[i]);
		booked = form_round(path->atoms, amount, proof->minor_units);
		if (form_equal(amount, booked))
			return false;
		(void) form_add_equality(path->atoms, booked, NULL, &path->equalities);
	}
	return !path->is_impossible;
}

/* Debit less credit of a line: its amount, rounded. */
static LinearForm *
book_amount(const Proof *proof, ProofPath *path, int line, const LinearForm *amount)
{
	LinearForm *booked = form_round(path->atoms, amount, proof->minor_units);

	return proof->lines[line].is_debit ? booked : form_negate(booked);
}

/* Debit less credit of a fund as mapped, from that of the lines. */
static LinearForm *
difference_of_fund(const Proof *proof, const char *mapped_fund, LinearForm *const *booked)
{
	LinearForm *sum = form_integer(0);

	for (int i = 0; i < proof->nlines; i++)
	{
		const ProofLine *line = &proof->lines[i];

		if (strcmp(line->mapped_fund, mapped_fund) != 0)
			continue;
		if (booked[i] != NULL)
			sum = form_add(sum, booked[i]);
		if (line->amount == NULL)
			for (int j = 0; j < proof->nlines; j++)
				if (booked[j] != NULL && strcmp(proof->lines[j].fund, line->fund) == 0)
					sum = form_subtract(sum, booked[j]);
	}
	return sum;
}

/* The same as it stands in the template, and once all decisions are made by what they make equal. */
static LinearForm *
difference_of_path(const Proof *proof, ProofPath *path, const char *mapped_fund,
				   const LinearForm **values, bool reduced)
{
	LinearForm **booked = palloc0_array(LinearForm *, proof->nlines + 1);
	LinearForm *difference;

	for (int i = 0; i < proof->nlines; i++)
		if (values[i] != NULL)
			booked[i] =
				book_amount(proof, path, i, reduced ? path_reduce(path, values[i]) : values[i]);
	difference = difference_of_fund(proof, mapped_fund, booked);
	return reduced ? path_reduce(path, difference) : difference;
}

/* True where the path balances, or has no journal. */
static bool
path_balances(const Proof *proof, ProofMeans means, ProofPath *path, const char *mapped_fund,
			  const LinearForm **values, FundProof *result)
{
	LinearForm *difference;

	for (int i = 0; i < proof->nlines; i++)
		values[i] = NULL;
	if (!evaluate_lines(proof, path, mapped_fund, values) ||
		(means >= MEANS_REFUSAL && !passes_refusal(proof, path, values)))
		return !path->is_too_long;
	result->cases++;
	if (form_is_zero(difference_of_path(proof, path, mapped_fund, values, true)))
		return true;
	difference = difference_of_path(proof, path, mapped_fund, values, false);
	result->rest = form_text(path->atoms, difference);
	result->where = path_text(path);
	return false;
}

static bool
has_relevant_line(const Proof *proof, const char *mapped_fund)
{
	for (int i = 0; i < proof->nlines; i++)
		if (is_relevant(proof, &proof->lines[i], mapped_fund))
			return true;
	return false;
}

/* Results are in the current memory context, and so is what is worked out on the way but for that of each path. */
static FundProof
prove_fund(const Proof *proof, const char *mapped_fund, ProofMeans means)
{
	AtomTable *atoms =
		atom_table(proof->source, proof->are_rounded ? proof->minor_units : SCALE_UNKNOWN);
	SourceFacts *facts = source_facts(atoms);
	ProofPath *path;
	MemoryContext per_path =
		AllocSetContextCreate(CurrentMemoryContext, "path of a proof", ALLOCSET_DEFAULT_SIZES);
	const LinearForm **values = palloc0_array(const LinearForm *, proof->nlines + 1);
	FundProof result = {false};
	FundProof of_path = {false};
	MemoryContext old;
	bool balances = true;

	if (!has_relevant_line(proof, mapped_fund))
	{
		result.is_proved = true;
		return result;
	}
	if (means < MEANS_CHECKS)
		facts->equalities = NIL;
	path = path_create(atoms, facts, proof->nknown, proof->known);
	old = MemoryContextSwitchTo(per_path);
	while (balances && path->npaths < MAX_PATHS && path_next(path))
	{
		balances = path_balances(proof, means, path, mapped_fund, values, &of_path);
		if (balances)
			MemoryContextReset(per_path);
	}
	MemoryContextSwitchTo(old);
	result.cases = of_path.cases;
	if (!balances && of_path.rest != NULL)
	{
		result.rest = pstrdup(of_path.rest);
		result.where = pstrdup(of_path.where);
	}
	else if (!balances)
		result.problem = psprintf("more than %d decisions in one case", MAX_DECISIONS);
	else if (path->npaths == MAX_PATHS && path_next(path))
		result.problem = psprintf("more than %d cases", MAX_PATHS);
	else
		result.is_proved = true;
	MemoryContextDelete(per_path);
	return result;
}

static void
put_text(const char *text, Datum *value, bool *isnull)
{
	*isnull = text == NULL;
	if (text != NULL)
		*value = CStringGetTextDatum(text);
}

/* fund, is_proved, means, cases, rest, case_of_rest, problem */
static void
return_fund(ReturnSetInfo *rsinfo, const char *mapped_fund, const FundProof *result,
			ProofMeans means)
{
	static const char *const names[] = {"amounts", "checks", "refusal"};
	Datum values[7];
	bool nulls[7] = {false};

	values[0] = CStringGetTextDatum(mapped_fund);
	values[1] = BoolGetDatum(result->is_proved);
	values[2] = CStringGetTextDatum(names[means]);
	values[3] = Int32GetDatum(result->cases);
	put_text(result->rest, &values[4], &nulls[4]);
	put_text(result->where, &values[5], &nulls[5]);
	put_text(result->problem, &values[6], &nulls[6]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* True where an earlier line has the fund, which was looked at then. */
static bool
is_done(const Proof *proof, int line)
{
	for (int i = 0; i < line; i++)
		if (strcmp(proof->lines[i].mapped_fund, proof->lines[line].mapped_fund) == 0)
			return true;
	return false;
}

static void
prove_all(const Proof *proof, ReturnSetInfo *rsinfo, MemoryContext context)
{
	for (int i = 0; i < proof->nlines; i++)
	{
		const char *fund = proof->lines[i].mapped_fund;
		MemoryContext old = MemoryContextSwitchTo(context);
		ProofMeans last = proof->refuses_negative ? MEANS_REFUSAL : MEANS_CHECKS;
		ProofMeans means = MEANS_AMOUNTS;
		FundProof result;

		if (!is_done(proof, i))
		{
			while (result = prove_fund(proof, fund, means),
				   !result.is_proved && result.problem == NULL && means < last)
				means++;
			return_fund(rsinfo, fund, &result, means);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
}

Datum
ledger_prove_balance(PG_FUNCTION_ARGS)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "proof of a fund", ALLOCSET_DEFAULT_SIZES);
	Proof proof = {0};
	int scope;

	for (int i = 0; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i) && i != ARG_MATCH_CONDITION)
			elog(ERROR, "a proof needs all of its arguments but the condition");
	InitMaterializedSRF(fcinfo, 0);
	proof.source = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	scope = settings_scope_open_pinned();
	proof.minor_units = PG_GETARG_INT32(ARG_MINOR_UNITS);
	proof.are_rounded = PG_GETARG_BOOL(ARG_ARE_ROUNDED);
	proof.refuses_negative = PG_GETARG_BOOL(ARG_REFUSES_NEGATIVE);
	take_lines(fcinfo, &proof);
	cancel_lines(&proof);
	take_known(fcinfo, &proof);
	if (!PG_ARGISNULL(ARG_MATCH_CONDITION))
		proof.match_condition = planned(
			&proof, text_to_cstring(PG_GETARG_TEXT_PP(ARG_MATCH_CONDITION)), EXPRESSION_CONDITION);
	prove_all(&proof, (ReturnSetInfo *) fcinfo->resultinfo, context);
	settings_scope_close(scope);
	table_close(proof.source, AccessShareLock);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
