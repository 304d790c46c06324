/*
 * effect.c
 *		Adds up what two policies make of transactions (see effect.h).
 */
#include "preview/effect.h"

#include "common/code_map.h"

#include "catalog/pg_type.h"
#include "executor/nodeHash.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Sums take so much before they are handed over, or what a hash table of a query may take. */
#define LEAST_SUMS_MEMORY (16 * 1024 * 1024)

/* A line of one side, added up by what its route says. */
typedef struct Sum
{
	CodeKey
		key; /* entity, fund, account, currency, product; the template's number, of those of both sides */
	const Template *template;
	PolicySide side;
	Amount debit;
	Amount credit;
	int64 lines;
} Sum;

typedef enum ChangeKind
{
	CHANGE_BECOMES_EXCEPTION,
	CHANGE_CEASES_EXCEPTION,
	CHANGE_TEMPLATE,
	CHANGE_LINES,
	CHANGE_KINDS
} ChangeKind;

static const char *const kind_names[CHANGE_KINDS] = {"becomes_exception", "ceases_exception",
													 "template", "lines"};

/* What is kept of a side of a transaction. */
typedef struct ChangedSide
{
	JournalOutcome outcome;
	const Template *template; /* NULL: none was chosen */
	ExceptionReason reason;
	char *message; /* NULL: it is no exception */
} ChangedSide;

typedef struct Changed
{
	Amount amount; /* by how much */
	int64 txn_id;
	int basis;
	DateADT date;
	char *entity;
	char *currency;
	ChangedSide sides[SIDES];
} Changed;

/* A line of a transaction: those of before count as less. */
typedef struct NetLine
{
	Code account_code;
	Code fund;
	Amount debit;
	Amount credit;
} NetLine;

struct Effect
{
	MemoryContext context;
	MemoryContext row_context; /* of a row that is handed over */
	TwoPolicies *two;
	int most;
	EffectRow hand_over;
	void *arg;

	/* Sums. */
	MemoryContext sums_context;
	Size max_sums_memory;
	CodeMap sums;

	/* Transactions: of each kind those that change most, the least of them on top. */
	int64 counts[CHANGE_KINDS];
	binaryheap *changed[CHANGE_KINDS];

	NetLine *lines; /* of the transaction under way, of both sides */
	int nlines;
	int capacity;
};

/* The columns of sums, then those of transactions. */
enum
{
	SUM_ENTITY,
	SUM_BASIS,
	SUM_FUND,
	SUM_ACCOUNT,
	SUM_CURRENCY,
	SUM_PRODUCT,
	SUM_TEMPLATE,
	SUM_IS_AFTER,
	SUM_DEBIT,
	SUM_CREDIT,
	SUM_LINES,
	SUM_COLUMNS
};

enum
{
	TXN_KIND,
	TXN_NUMBER, /* how many there are of the kind, and nothing else; or one of them */
	TXN_ID,
	TXN_BASIS,
	TXN_ENTITY,
	TXN_DATE,
	TXN_CURRENCY,
	TXN_AMOUNT,
	TXN_OUTCOME, /* of before, and so on */
	TXN_TEMPLATE = TXN_OUTCOME + SIDES,
	TXN_VERSION = TXN_TEMPLATE + SIDES,
	TXN_REASON = TXN_VERSION + SIDES,
	TXN_MESSAGE = TXN_REASON + SIDES,
	TXN_COLUMNS = TXN_MESSAGE + SIDES
};

static const Oid sum_types[SUM_COLUMNS] = {TEXTOID,    TEXTOID,    TEXTOID, TEXTOID,
										   TEXTOID,    TEXTOID,    TEXTOID, BOOLOID,
										   NUMERICOID, NUMERICOID, INT8OID};

static const Oid txn_types[TXN_COLUMNS] = {TEXTOID, INT8OID,    INT8OID, TEXTOID, TEXTOID, DATEOID,
										   TEXTOID, NUMERICOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
										   INT4OID, INT4OID,    TEXTOID, TEXTOID, TEXTOID, TEXTOID};

const Oid *
effect_columns(int most, int *count)
{
	*count = most == 0 ? SUM_COLUMNS : TXN_COLUMNS;
	return most == 0 ? sum_types : txn_types;
}

/* The number of a template among those of both sides. */
static int32
template_number(const Effect *effect, PolicySide side, const Template *template)
{
	const TemplateSet *before = routing_templates(two_policies_routing(effect->two, SIDE_BEFORE));
	const TemplateSet *after = routing_templates(two_policies_routing(effect->two, SIDE_AFTER));

	return side == SIDE_BEFORE ? template - before->templates
							   : before->ntemplates + (template - after->templates);
}

static Sum *
find_sum(Effect *effect, const Transaction *txn, PolicySide side, Candidate *candidate, int i)
{
	RouteLine *line = &candidate->lines[i];
	const Code *codes = txn->route->key.codes;
	CodeKey key = {template_number(effect, side, candidate->template),
				   5,
				   {codes[ROUTE_ENTITY], line->fund, line->account_code, codes[ROUTE_CURRENCY],
					codes[ROUTE_PRODUCT]}};
	bool found;
	Sum *sum = code_map_enter(&effect->sums, &key, &found);

	sum->template = candidate->template;
	sum->side = side;
	return sum;
}

static void
add_sums(Effect *effect, const Transaction *txn, PolicySide side, const Journal *journal)
{
	Candidate *candidate = journal->candidate;

	for (int i = 0; i < candidate->template->nlines; i++)
	{
		const JournalLine *line = &journal->lines[i];
		Sum *sum;

		if (!line->kept)
			continue;
		if (candidate->lines[i].slot == NULL)
			candidate->lines[i].slot = find_sum(effect, txn, side, candidate, i);
		sum = candidate->lines[i].slot;
		sum->debit += line->debit;
		sum->credit += line->credit;
		sum->lines++;
	}
}

static void
begin_sums(Effect *effect)
{
	MemoryContextReset(effect->sums_context);
	code_map_init(&effect->sums, "effects", sizeof(Sum), effect->sums_context);
}

static void
hand_over_sums(Effect *effect)
{
	HASH_SEQ_STATUS scan;
	Sum *sum;
	MemoryContext old = MemoryContextSwitchTo(effect->row_context);

	hash_seq_init(&scan, effect->sums.table);
	while ((sum = hash_seq_search(&scan)) != NULL)
	{
		Datum values[SUM_COLUMNS];
		bool isnull[SUM_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		values[SUM_ENTITY] = code_to_datum(sum->key.codes[0]);
		values[SUM_BASIS] = code_to_datum(two_policies_basis(effect->two, sum->template->basis));
		values[SUM_FUND] = code_to_datum(sum->key.codes[1]);
		values[SUM_ACCOUNT] = code_to_datum(sum->key.codes[2]);
		values[SUM_CURRENCY] = code_to_datum(sum->key.codes[3]);
		values[SUM_PRODUCT] = code_to_datum(sum->key.codes[4]);
		values[SUM_TEMPLATE] = sum->template->code_datum;
		values[SUM_IS_AFTER] = BoolGetDatum(sum->side == SIDE_AFTER);
		values[SUM_DEBIT] = amount_to_new_numeric(sum->debit);
		values[SUM_CREDIT] = amount_to_new_numeric(sum->credit);
		values[SUM_LINES] = Int64GetDatum(sum->lines);
		effect->hand_over(values, isnull, effect->arg);
		MemoryContextReset(effect->row_context);
	}
	MemoryContextSwitchTo(old);
}

/* Notes the lines of a side. */
static void
note_lines(Effect *effect, PolicySide side, const Journal *journal)
{
	const Candidate *candidate = journal->candidate;
	int most = effect->nlines + candidate->template->nlines;

	if (most > effect->capacity)
	{
		Size size;

		effect->capacity = Max(64, most * 2);
		size = sizeof(NetLine) * effect->capacity;
		effect->lines = effect->lines == NULL ? MemoryContextAlloc(effect->context, size)
											  : repalloc(effect->lines, size);
	}
	for (int i = 0; i < candidate->template->nlines; i++)
		if (journal->lines[i].kept)
		{
			NetLine *line = &effect->lines[effect->nlines++];

			line->account_code = candidate->lines[i].account_code;
			line->fund = candidate->lines[i].fund;
			line->debit = side == SIDE_AFTER ? journal->lines[i].debit : -journal->lines[i].debit;
			line->credit =
				side == SIDE_AFTER ? journal->lines[i].credit : -journal->lines[i].credit;
		}
}

static int
compare_net_lines(const void *a, const void *b)
{
	const NetLine *x = a;
	const NetLine *y = b;
	int by_account = code_compare(x->account_code, y->account_code);

	return by_account != 0 ? by_account : code_compare(x->fund, y->fund);
}

static bool
same_account(const NetLine *a, const NetLine *b)
{
	return code_equal(a->account_code, b->account_code) && code_equal(a->fund, b->fund);
}

/* Adds up both sides by account: whether they differ, and by how much, as a correction would book it. */
static bool
compare_lines(Effect *effect, const SideOutcome *sides, Amount *amount)
{
	const NetLine *lines;
	Amount more = 0;
	Amount less = 0;
	bool differ = false;

	effect->nlines = 0;
	for (int side = 0; side < SIDES; side++)
		if (sides[side].outcome == JOURNAL_MADE)
			note_lines(effect, side, sides[side].journal);
	lines = effect->lines;
	if (effect->nlines > 0)
		qsort(effect->lines, effect->nlines, sizeof(NetLine), compare_net_lines);
	for (int from = 0, to; from < effect->nlines; from = to)
	{
		Amount debit = 0;
		Amount credit = 0;

		for (to = from; to < effect->nlines && same_account(&lines[from], &lines[to]); to++)
		{
			debit += lines[to].debit;
			credit += lines[to].credit;
		}
		differ |= debit != 0 || credit != 0;
		more += Max(debit - credit, 0);
		less += Max(credit - debit, 0);
	}
	*amount = Max(more, less);
	return differ;
}

static bool
same_template(const SideOutcome *sides)
{
	const Template *before = two_policies_template(&sides[SIDE_BEFORE]);
	const Template *after = two_policies_template(&sides[SIDE_AFTER]);

	if (before == NULL || after == NULL)
		return before == after;
	return code_equal(before->code, after->code);
}

/* How a transaction changes; CHANGE_KINDS: not at all, as far as books show it. */
static ChangeKind
kind_of_change(Effect *effect, const SideOutcome *sides, Amount *amount)
{
	bool differ = compare_lines(effect, sides, amount);
	JournalOutcome before = sides[SIDE_BEFORE].outcome;
	JournalOutcome after = sides[SIDE_AFTER].outcome;

	if (after == JOURNAL_EXCEPTION)
		return before == JOURNAL_EXCEPTION ? CHANGE_KINDS : CHANGE_BECOMES_EXCEPTION;
	if (before == JOURNAL_EXCEPTION)
		return CHANGE_CEASES_EXCEPTION;
	if (before != after || !same_template(sides))
		return CHANGE_TEMPLATE;
	return differ ? CHANGE_LINES : CHANGE_KINDS;
}

/* Of two transactions, the one that comes first: the larger change, then the lower number. Positive: a does. */
static int
compare_changed(const Changed *a, const Changed *b)
{
	if (a->amount != b->amount)
		return a->amount > b->amount ? 1 : -1;
	if (a->txn_id != b->txn_id)
		return a->txn_id < b->txn_id ? 1 : -1;
	return (a->basis < b->basis) - (a->basis > b->basis);
}

/* The server's heap has the largest on top. */
static int
compare_for_heap(Datum a, Datum b, void *arg)
{
	return -compare_changed((Changed *) DatumGetPointer(a), (Changed *) DatumGetPointer(b));
}

static void
free_changed(Changed *changed)
{
	pfree(changed->entity);
	pfree(changed->currency);
	for (int side = 0; side < SIDES; side++)
		if (changed->sides[side].message != NULL)
			pfree(changed->sides[side].message);
	pfree(changed);
}

static ChangedSide
copy_side(const SideOutcome *side)
{
	ChangedSide copy = {side->outcome, two_policies_template(side), EXCEPTION_NONE, NULL};

	if (side->outcome == JOURNAL_EXCEPTION)
	{
		copy.reason = side->journal->exception.reason;
		copy.message = pstrdup(side->journal->exception.message);
	}
	return copy;
}

static void
keep_changed(Effect *effect, ChangeKind kind, const Transaction *txn, int basis,
			 const SideOutcome *sides, Amount amount)
{
	Changed probe = {.amount = amount, .txn_id = txn->txn_id, .basis = basis};
	binaryheap *heap = effect->changed[kind];
	bool is_full = heap->bh_size == effect->most;
	MemoryContext old;
	Changed *kept;

	effect->counts[kind]++;
	if (is_full && compare_changed(&probe, (Changed *) DatumGetPointer(binaryheap_first(heap))) < 0)
		return;
	old = MemoryContextSwitchTo(effect->context);
	kept = palloc_object(Changed);
	*kept = probe;
	kept->date = txn->value_date;
	kept->entity =
		pnstrdup(txn->route->key.codes[ROUTE_ENTITY].data, txn->route->key.codes[ROUTE_ENTITY].len);
	kept->currency = pnstrdup(txn->route->key.codes[ROUTE_CURRENCY].data,
							  txn->route->key.codes[ROUTE_CURRENCY].len);
	for (int side = 0; side < SIDES; side++)
		kept->sides[side] = copy_side(&sides[side]);
	if (is_full)
	{
		free_changed((Changed *) DatumGetPointer(binaryheap_first(heap)));
		binaryheap_replace_first(heap, PointerGetDatum(kept));
	}
	else
		binaryheap_add(heap, PointerGetDatum(kept));
	MemoryContextSwitchTo(old);
}

static void
take_transaction(const Transaction *txn, int basis, const SideOutcome *sides, void *arg)
{
	Effect *effect = arg;
	Amount amount;
	ChangeKind kind = kind_of_change(effect, sides, &amount);

	if (kind == CHANGE_KINDS)
		return;
	if (effect->most > 0)
	{
		keep_changed(effect, kind, txn, basis, sides, amount);
		return;
	}
	for (int side = 0; side < SIDES; side++)
		if (sides[side].outcome == JOURNAL_MADE)
			add_sums(effect, txn, side, sides[side].journal);
}

Effect *
effect_open(const TwoPoliciesInput *input, int most, EffectRow hand_over, void *arg)
{
	Effect *effect = palloc0_object(Effect);

	Assert(input->has_before);
	effect->context = CurrentMemoryContext;
	effect->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "effect", ALLOCSET_SMALL_SIZES);
	effect->most = most;
	effect->hand_over = hand_over;
	effect->arg = arg;
	if (most == 0)
	{
		effect->sums_context =
			AllocSetContextCreate(CurrentMemoryContext, "effects", ALLOCSET_DEFAULT_SIZES);
		effect->max_sums_memory = Max(LEAST_SUMS_MEMORY, get_hash_memory_limit());
		begin_sums(effect);
	}
	else
		for (int kind = 0; kind < CHANGE_KINDS; kind++)
			effect->changed[kind] = binaryheap_allocate(most, compare_for_heap, NULL);
	effect->two = two_policies_open(input, take_transaction, effect);
	return effect;
}

TwoPolicies *
effect_policies(Effect *effect)
{
	return effect->two;
}

void
effect_row(TupleTableSlot *slot, void *arg)
{
	Effect *effect = arg;

	two_policies_row(slot, effect->two);
	if (effect->most == 0 &&
		MemoryContextMemAllocated(effect->sums_context, true) > effect->max_sums_memory)
	{
		hand_over_sums(effect);
		/* Their lines point to sums. */
		two_policies_forget(effect->two);
		begin_sums(effect);
	}
}

static void
set_text(Datum *values, bool *isnull, int column, const char *text)
{
	isnull[column] = text == NULL;
	values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
set_side(Datum *values, bool *isnull, int side, const ChangedSide *changed)
{
	const Template *template = changed->template;

	set_text(values, isnull, TXN_OUTCOME + side, two_policies_outcome_name(changed->outcome));
	isnull[TXN_TEMPLATE + side] = isnull[TXN_VERSION + side] = template == NULL;
	values[TXN_TEMPLATE + side] = template == NULL ? (Datum) 0 : template->code_datum;
	values[TXN_VERSION + side] = template == NULL ? (Datum) 0 : Int32GetDatum(template->version);
	set_text(values, isnull, TXN_REASON + side,
			 changed->message == NULL ? NULL : exception_name(changed->reason));
	set_text(values, isnull, TXN_MESSAGE + side, changed->message);
}

static void
hand_over_kind(Effect *effect, ChangeKind kind)
{
	binaryheap *heap = effect->changed[kind];
	Datum values[TXN_COLUMNS];
	bool isnull[TXN_COLUMNS];

	memset(isnull, true, sizeof(isnull));
	set_text(values, isnull, TXN_KIND, kind_names[kind]);
	values[TXN_NUMBER] = Int64GetDatum(effect->counts[kind]);
	isnull[TXN_NUMBER] = false;
	effect->hand_over(values, isnull, effect->arg);
	memset(isnull, false, sizeof(isnull));
	for (int i = 0; i < heap->bh_size; i++)
	{
		const Changed *changed = (Changed *) DatumGetPointer(heap->bh_nodes[i]);

		CHECK_FOR_INTERRUPTS();
		isnull[TXN_NUMBER] = true;
		values[TXN_ID] = Int64GetDatum(changed->txn_id);
		values[TXN_BASIS] = code_to_datum(two_policies_basis(effect->two, changed->basis));
		set_text(values, isnull, TXN_ENTITY, changed->entity);
		values[TXN_DATE] = DateADTGetDatum(changed->date);
		set_text(values, isnull, TXN_CURRENCY, changed->currency);
		values[TXN_AMOUNT] = amount_to_new_numeric(changed->amount);
		for (int side = 0; side < SIDES; side++)
			set_side(values, isnull, side, &changed->sides[side]);
		effect->hand_over(values, isnull, effect->arg);
	}
}

void
effect_close(Effect *effect)
{
	if (effect->most == 0)
		hand_over_sums(effect);
	else
		for (int kind = 0; kind < CHANGE_KINDS; kind++)
			if (effect->counts[kind] > 0)
				hand_over_kind(effect, kind);
	two_policies_close(effect->two);
}
