/*
 * template.c
 *		Reads and compiles templates (see template.h).
 *
 * The texts of all approved templates are read at the start of a run; there may
 * be ten thousand of them. Their expressions are compiled at the first
 * transaction that needs them.
 */
#include "policy/template.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct Loader
{
	TemplateSet *set;
	int capacity;
	int at; /* template that the last row belonged to */
} Loader;

/* A text that was compiled: templates have many in common. */
typedef struct CompiledText
{
	CodeKey key; /* the text; its kind */
	Expression *expression;
} CompiledText;

/* Number of a basis among the run's, or -1. */
static int
basis_index(TemplateSet *set, Code basis)
{
	for (int i = 0; i < set->nbases; i++)
		if (code_equal(set->bases[i], basis))
			return i;
	return -1;
}

/* The beginning of a description, cut between characters; 0 where there is none. */
static Datum
make_memo(const char *description)
{
	int size = description == NULL ? 0 : strlen(description);

	if (size > MEMO_SIZE)
		size = pg_mbcliplen(description, size, MEMO_SIZE);
	return size == 0 ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(description, size));
}

static void
add_template(TupleTableSlot *slot, void *arg)
{
	Loader *loader = arg;
	TemplateSet *set = loader->set;
	MemoryContext old = MemoryContextSwitchTo(set->context);
	Template *t;

	if (set->ntemplates == loader->capacity)
	{
		loader->capacity = Max(64, loader->capacity * 2);
		set->templates = set->templates == NULL
							 ? palloc_array(Template, loader->capacity)
							 : repalloc_huge(set->templates, sizeof(Template) * loader->capacity);
	}
	t = &set->templates[set->ntemplates++];
	memset(t, 0, sizeof(Template));
	t->code = query_code(slot, 0);
	t->code_datum = code_to_datum(t->code);
	t->version = DatumGetInt32(query_value(slot, 1, 0));
	t->basis = basis_index(set, query_code(slot, 2));
	t->effective_from = DatumGetDateADT(query_value(slot, 3, 0));
	t->effective_to = DatumGetDateADT(query_value(slot, 4, DateADTGetDatum(DATEVAL_NOEND)));
	t->ignore = DatumGetBool(query_value(slot, 5, 0));
	t->require_balanced = DatumGetBool(query_value(slot, 6, 0));
	t->balance_by_fund = DatumGetBool(query_value(slot, 7, 0));
	t->skip_zero_lines = DatumGetBool(query_value(slot, 8, 0));
	t->reject_negative = DatumGetBool(query_value(slot, 9, 0));
	t->memo = make_memo(query_text(slot, 10));
	MemoryContextSwitchTo(old);
}

/* The template that a row of lines or matches belongs to; both come in the order of the templates. */
static Template *
template_of_row(Loader *loader, TupleTableSlot *slot)
{
	TemplateSet *set = loader->set;
	char *code = query_text(slot, 0);
	int version = DatumGetInt32(query_value(slot, 1, 0));

	for (; loader->at < set->ntemplates; loader->at++)
	{
		Template *t = &set->templates[loader->at];

		if (t->version == version && strcmp(t->code.data, code) == 0)
			return t;
	}
	elog(ERROR, "template %s version %d is not among those read", code, version);
	return NULL;
}

static void
add_line(TupleTableSlot *slot, void *arg)
{
	Loader *loader = arg;
	MemoryContext old = MemoryContextSwitchTo(loader->set->context);
	Template *t = template_of_row(loader, slot);
	TemplateLine *line;

	if (t->lines == NULL)
		t->lines = palloc0_array(TemplateLine, DatumGetInt64(query_value(slot, 9, 0)));
	line = &t->lines[t->nlines];
	line->line_no = DatumGetInt16(query_value(slot, 2, 0));
	line->is_debit = DatumGetBool(query_value(slot, 3, 0));
	line->account_code = query_code(slot, 4);
	line->fund = query_code(slot, 5);
	line->amount_text = query_text(slot, 6);
	line->is_balancing = DatumGetBool(query_value(slot, 7, 0));
	line->condition_text = query_text(slot, 8);

	line->fund_index = t->nfunds;
	for (int i = 0; i < t->nlines; i++)
		if (code_equal(t->lines[i].fund, line->fund))
			line->fund_index = t->lines[i].fund_index;
	if (line->fund_index == t->nfunds)
		t->nfunds++;
	if (line->is_balancing != (line->amount_text == NULL))
		elog(ERROR, "line %d of template %s is balancing and has an amount, or neither",
			 line->line_no, t->code.data);
	Assert(t->nlines == 0 || t->lines[t->nlines - 1].line_no < line->line_no);
	t->nlines++;
	MemoryContextSwitchTo(old);
}

static void
add_match(TupleTableSlot *slot, void *arg)
{
	Loader *loader = arg;
	TemplateSet *set = loader->set;
	MemoryContext old = MemoryContextSwitchTo(set->context);
	Match *match;

	if (set->matches == NULL)
		set->matches = MemoryContextAllocHuge(
			set->context, sizeof(Match) * DatumGetInt64(query_value(slot, 8, 0)));
	match = &set->matches[set->nmatches++];
	memset(match, 0, sizeof(Match));
	match->template = template_of_row(loader, slot);
	match->match_no = DatumGetInt32(query_value(slot, 2, 0));
	match->priority = DatumGetInt32(query_value(slot, 3, 0));
	match->condition_text = query_text(slot, 4);
	for (int i = 0; i < 3; i++)
	{
		char *code = query_text(slot, 5 + i);

		if (code != NULL)
		{
			match->codes[i] = code_from_cstring(code);
			match->named |= 1 << i;
		}
	}
	MemoryContextSwitchTo(old);
}

TemplateSet *
template_load(Relation source, const Policy *policy, int nbases, const Code *bases)
{
	TemplateSet *set = palloc0_object(TemplateSet);
	Loader loader = {set, 0, 0};
	Datum *names = palloc_array(Datum, nbases);
	QueryArgs args = {0};

	set->source = source;
	set->context = CurrentMemoryContext;
	set->nbases = nbases;
	set->bases = bases;
	code_map_init(&set->compiled, "compiled expressions", sizeof(CompiledText), set->context);
	for (int i = 0; i < nbases; i++)
		names[i] = code_to_datum(bases[i]);
	query_arg(&args, TEXTARRAYOID,
			  PointerGetDatum(construct_array(names, nbases, TEXTOID, -1, false, TYPALIGN_INT)));

	/* Of all bases: a newer version ends an older one, even where it moved to another basis. */
	policy_each_row(
		policy,
		"SELECT t.template_code, t.version, t.basis, t.effective_from, t.effective_to, t.template_type = 'IGNORE', "
		"t.require_balanced, t.balance_by_fund, t.skip_zero_lines, t.negative_policy = 'reject', t.description "
		"FROM acct.journal_template t WHERE t.status IN ('approved', 'retired') "
		"ORDER BY t.template_code, t.version",
		NULL, add_template, &loader);
	for (int i = 0; i + 1 < set->ntemplates; i++)
		Assert(code_compare(set->templates[i].code, set->templates[i + 1].code) < 0 ||
			   (code_equal(set->templates[i].code, set->templates[i + 1].code) &&
				set->templates[i].version < set->templates[i + 1].version));
	for (int i = 0; i + 1 < set->ntemplates; i++)
		if (code_equal(set->templates[i].code, set->templates[i + 1].code))
			set->templates[i].newer = &set->templates[i + 1];

	policy_each_row(
		policy,
		"SELECT x.template_code, x.version, x.line_no, x.dr_cr = 'DR', x.account_code, x.fund, x.amount_expr, "
		"x.is_balancing, x.condition_expr, count(*) OVER (PARTITION BY x.template_code, x.version) "
		"FROM acct.journal_template t JOIN acct.journal_template_line x USING (template_code, version) "
		"WHERE t.status IN ('approved', 'retired') AND t.basis = ANY ($1) AND t.template_type <> 'IGNORE' "
		"ORDER BY x.template_code, x.version, x.line_no",
		&args, add_line, &loader);
	loader.at = 0;
	policy_each_row(
		policy,
		"SELECT x.template_code, x.version, x.match_no, x.priority, x.condition_expr, x.txn_type, "
		"x.product_code, x.channel, count(*) OVER () "
		"FROM acct.journal_template t JOIN acct.journal_template_match x USING (template_code, version) "
		"WHERE t.status IN ('approved', 'retired') AND t.basis = ANY ($1) "
		"ORDER BY x.template_code, x.version, x.match_no",
		&args, add_match, &loader);
	return set;
}

bool
template_in_effect(const Template *template, DateADT date)
{
	return template->effective_from <= date && date < template->effective_to;
}

bool
template_applies(const Template *template, DateADT date)
{
	if (!template_in_effect(template, date))
		return false;
	for (const Template *newer = template->newer; newer != NULL; newer = newer->newer)
		if (template_in_effect(newer, date))
			return false;
	return true;
}

int
match_compare(const Match *a, const Match *b)
{
	int by_named = pg_popcount32(b->named) - pg_popcount32(a->named);
	int by_code;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (by_named != 0)
		return by_named;
	by_code = code_compare(a->template->code, b->template->code);
	return by_code != 0 ? by_code : (a->match_no > b->match_no) - (a->match_no < b->match_no);
}

static Expression *
compile_text(TemplateSet *set, const Template *template, const char *part, int number,
			 const char *text, ExpressionKind kind)
{
	MemoryContext old = MemoryContextSwitchTo(set->context);
	Expression *volatile expression = NULL;

	PG_TRY();
	{
		expression = expression_compile(text, kind, set->source);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(set->context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_LE_BAD_EXPRESSION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(
			ERROR,
			(errcode(ERRCODE_LE_BAD_TEMPLATE),
			 errmsg("template %s version %d is no longer valid: %s", template->code.data,
					template->version, error->message),
			 errdetail("Expression: %s", text),
			 errhint("It was approved when the source table was another. Approve a new version."),
			 errcontext("template %s version %d, %s %d", template->code.data, template->version,
						part, number)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return expression;
}

static Expression *
compile(TemplateSet *set, const Template *template, const char *part, int number, const char *text,
		ExpressionKind kind)
{
	CodeKey key = {kind, 1};
	CompiledText *compiled;
	Expression *expression;
	bool found;

	if (text == NULL)
		return NULL;
	key.codes[0] = code_from_cstring(text);
	compiled = code_map_find(&set->compiled, &key);
	if (compiled != NULL)
		return compiled->expression;
	expression = compile_text(set, template, part, number, text, kind);
	compiled = code_map_enter(&set->compiled, &key, &found);
	compiled->expression = expression;
	return expression;
}

static bool
can_fail(const Expression *expression)
{
	return expression != NULL && expression->column == 0 && expression->fixed == NULL;
}

void
template_compile(TemplateSet *set, Template *template)
{
	if (template->is_compiled)
		return;
	for (int i = 0; i < template->nlines; i++)
	{
		TemplateLine *line = &template->lines[i];

		line->amount =
			compile(set, template, "line", line->line_no, line->amount_text, EXPRESSION_AMOUNT);
		line->condition = compile(set, template, "line", line->line_no, line->condition_text,
								  EXPRESSION_CONDITION);
		template->may_fail |= can_fail(line->amount) || can_fail(line->condition);
	}
	template->is_compiled = true;
}

void
match_compile(TemplateSet *set, Match *match)
{
	if (match->is_compiled)
		return;
	match->condition = compile(set, match->template, "match", match->match_no,
							   match->condition_text, EXPRESSION_CONDITION);
	match->is_compiled = true;
}
