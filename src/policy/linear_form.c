/*
 * linear_form.c
 *		Arithmetic of linear forms (see linear_form.h).
 *
 * Coefficients are the server's own numbers, which add, subtract and multiply
 * exactly. Nothing is divided: an atom is put by itself only where its
 * coefficient is 1 or -1.
 */
#include "policy/linear_form.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/ruleutils.h"

/* Products of more decimals are not taken apart: the server would round them from 16383 decimals on. */
#define MAX_PRODUCT_SCALE 1000

/* Reducing ends at the latest here; what is not reduced further is a form all the same. */
#define MAX_REDUCTIONS 8

static Datum
number_of(int64 value)
{
	return NumericGetDatum(int64_to_numeric(value));
}

static Datum
add_numbers(Datum a, Datum b)
{
	return DirectFunctionCall2(numeric_add, a, b);
}

static Datum
multiply_numbers(Datum a, Datum b)
{
	return DirectFunctionCall2(numeric_mul, a, b);
}

static int
sign_of(Datum number)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, number, number_of(0)));
}

static bool
numbers_equal(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, a, b));
}

static int
scale_of(Datum number)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_min_scale, number));
}

static Datum
copy_number(Datum number)
{
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(number));
}

AtomTable *
atom_table(Relation source, int max_scale)
{
	AtomTable *table = palloc0_object(AtomTable);

	table->context = CurrentMemoryContext;
	table->source = source;
	table->max_scale = max_scale;
	return table;
}

static bool
atoms_equal(const Atom *a, const Atom *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind)
	{
		case ATOM_COLUMN:
			return a->column == b->column;
		case ATOM_NODE:
			return equal(a->node, b->node);
		default:
			break;
	}
	if (a->function != b->function || a->digits != b->digits)
		return false;
	for (int i = 0; i < lengthof(a->args); i++)
		if ((a->args[i] == NULL) != (b->args[i] == NULL) ||
			(a->args[i] != NULL && !form_equal(a->args[i], b->args[i])))
			return false;
	return true;
}

/* The table's atom that is equal to one that may not outlive the caller. */
static const Atom *
intern(AtomTable *table, const Atom *wanted)
{
	MemoryContext old;
	ListCell *lc;
	Atom *atom;

	foreach(lc, table->atoms)
		if (atoms_equal(lfirst(lc), wanted))
			return lfirst(lc);
	old = MemoryContextSwitchTo(table->context);
	atom = palloc_object(Atom);
	*atom = *wanted;
	atom->number = list_length(table->atoms);
	for (int i = 0; i < lengthof(atom->args); i++)
		if (atom->args[i] != NULL)
			atom->args[i] = form_copy(atom->args[i]);
	atom->node = copyObject(atom->node);
	table->atoms = lappend(table->atoms, atom);
	MemoryContextSwitchTo(old);
	return atom;
}

const Atom *
atom_column(AtomTable *table, AttrNumber column, int scale)
{
	Atom atom = {.kind = ATOM_COLUMN, .column = column, .scale = scale};

	if (table->max_scale != SCALE_UNKNOWN && (scale == SCALE_UNKNOWN || scale > table->max_scale))
		atom.scale = table->max_scale;
	return intern(table, &atom);
}

const Atom *
atom_node(AtomTable *table, Node *node, int scale)
{
	Atom atom = {.kind = ATOM_NODE, .node = node, .scale = scale};

	return intern(table, &atom);
}

static LinearForm *
make_form(int nterms)
{
	LinearForm *form = palloc0(offsetof(LinearForm, terms) + sizeof(Term) * nterms);

	form->constant = number_of(0);
	return form;
}

LinearForm *
form_constant(Datum value)
{
	LinearForm *form = make_form(0);

	form->constant = value;
	return form;
}

LinearForm *
form_integer(int64 value)
{
	return form_constant(number_of(value));
}

LinearForm *
form_atom(const Atom *atom)
{
	LinearForm *form = make_form(1);

	form->nterms = 1;
	form->terms[0].atom = atom;
	form->terms[0].coefficient = number_of(1);
	return form;
}

LinearForm *
form_copy(const LinearForm *form)
{
	LinearForm *copy = make_form(form->nterms);

	copy->constant = copy_number(form->constant);
	copy->nterms = form->nterms;
	for (int i = 0; i < form->nterms; i++)
	{
		copy->terms[i].atom = form->terms[i].atom;
		copy->terms[i].coefficient = copy_number(form->terms[i].coefficient);
	}
	return copy;
}

LinearForm *
form_add(const LinearForm *a, const LinearForm *b)
{
	LinearForm *sum = make_form(a->nterms + b->nterms);
	int i = 0;
	int j = 0;

	sum->constant = add_numbers(a->constant, b->constant);
	while (i < a->nterms || j < b->nterms)
	{
		Term term;
		int order = i == a->nterms   ? 1
					: j == b->nterms ? -1
									 : a->terms[i].atom->number - b->terms[j].atom->number;

		if (order < 0)
			term = a->terms[i++];
		else if (order > 0)
			term = b->terms[j++];
		else
		{
			term.atom = a->terms[i].atom;
			term.coefficient = add_numbers(a->terms[i++].coefficient, b->terms[j++].coefficient);
		}
		if (sign_of(term.coefficient) != 0)
			sum->terms[sum->nterms++] = term;
	}
	return sum;
}

LinearForm *
form_multiply(const LinearForm *form, Datum factor)
{
	LinearForm *product = make_form(form->nterms);

	product->constant = multiply_numbers(form->constant, factor);
	if (sign_of(factor) == 0)
		return product;
	product->nterms = form->nterms;
	for (int i = 0; i < form->nterms; i++)
	{
		product->terms[i].atom = form->terms[i].atom;
		product->terms[i].coefficient = multiply_numbers(form->terms[i].coefficient, factor);
	}
	return product;
}

LinearForm *
form_negate(const LinearForm *form)
{
	return form_multiply(form, number_of(-1));
}

LinearForm *
form_subtract(const LinearForm *a, const LinearForm *b)
{
	return form_add(a, form_negate(b));
}

bool
form_is_zero(const LinearForm *form)
{
	return form->nterms == 0 && sign_of(form->constant) == 0;
}

int
form_sign_of_constant(const LinearForm *form)
{
	Assert(form->nterms == 0);
	return sign_of(form->constant);
}

bool
form_equal(const LinearForm *a, const LinearForm *b)
{
	if (a->nterms != b->nterms || !numbers_equal(a->constant, b->constant))
		return false;
	for (int i = 0; i < a->nterms; i++)
		if (a->terms[i].atom != b->terms[i].atom ||
			!numbers_equal(a->terms[i].coefficient, b->terms[i].coefficient))
			return false;
	return true;
}

int
form_ratio_sign(const LinearForm *a, const LinearForm *b)
{
	Datum x;
	Datum y;

	if (a->nterms == 0 || a->nterms != b->nterms || a->terms[0].atom != b->terms[0].atom)
		return 0;
	/* a is b times x / y where a times y is b times x. */
	x = a->terms[0].coefficient;
	y = b->terms[0].coefficient;
	if (!numbers_equal(multiply_numbers(a->constant, y), multiply_numbers(b->constant, x)))
		return 0;
	for (int i = 1; i < a->nterms; i++)
		if (a->terms[i].atom != b->terms[i].atom ||
			!numbers_equal(multiply_numbers(a->terms[i].coefficient, y),
						   multiply_numbers(b->terms[i].coefficient, x)))
			return 0;
	return sign_of(x) == sign_of(y) ? 1 : -1;
}

/* Decimals that the value of a form has at most, or SCALE_UNKNOWN. */
static int
form_scale(const LinearForm *form)
{
	int scale = scale_of(form->constant);

	for (int i = 0; i < form->nterms; i++)
	{
		if (form->terms[i].atom->scale == SCALE_UNKNOWN)
			return SCALE_UNKNOWN;
		scale = Max(scale, form->terms[i].atom->scale + scale_of(form->terms[i].coefficient));
	}
	return scale;
}

static LinearForm *
function_of_constant(Oid function, Datum number, int digits)
{
	switch (function)
	{
		case F_ROUND_NUMERIC_INT4:
			return form_constant(DirectFunctionCall2(numeric_round, number, Int32GetDatum(digits)));
		case F_TRUNC_NUMERIC_INT4:
			return form_constant(DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(digits)));
		case F_CEIL_NUMERIC:
			return form_constant(DirectFunctionCall1(numeric_ceil, number));
		default:
			Assert(function == F_FLOOR_NUMERIC);
			return form_constant(DirectFunctionCall1(numeric_floor, number));
	}
}

/* round() and trunc() are odd: of a form and its opposite one is the atom. Ceil() of one is floor() of the other. */
LinearForm *
form_function(AtomTable *table, Oid function, const LinearForm *form, int digits)
{
	int scale = form_scale(form);
	Atom atom = {.kind = ATOM_FUNCTION, .function = function, .digits = digits};
	bool negate;

	if (form->nterms == 0)
		return function_of_constant(function, form->constant, digits);
	if (scale != SCALE_UNKNOWN && scale <= digits)
		return form_copy(form);
	negate = sign_of(form->terms[0].coefficient) < 0;
	atom.args[0] = negate ? form_negate(form) : form;
	if (negate && (function == F_CEIL_NUMERIC || function == F_FLOOR_NUMERIC))
		atom.function = function == F_CEIL_NUMERIC ? F_FLOOR_NUMERIC : F_CEIL_NUMERIC;
	atom.scale = Max(digits, 0);
	form = form_atom(intern(table, &atom));
	return negate ? form_negate(form) : form_copy(form);
}

LinearForm *
form_round(AtomTable *table, const LinearForm *form, int digits)
{
	return form_function(table, F_ROUND_NUMERIC_INT4, form, digits);
}

LinearForm *
form_product(AtomTable *table, const LinearForm *a, const LinearForm *b)
{
	Atom atom = {.kind = ATOM_FUNCTION, .function = F_NUMERIC_MUL};
	int scale_a = form_scale(a);
	int scale_b = form_scale(b);
	bool negate_a;
	bool negate_b;
	LinearForm *product;

	if (scale_a > MAX_PRODUCT_SCALE || scale_b > MAX_PRODUCT_SCALE)
		return NULL;
	if ((scale_a == SCALE_UNKNOWN && !(b->nterms == 0 && scale_b == 0)) ||
		(scale_b == SCALE_UNKNOWN && !(a->nterms == 0 && scale_a == 0)))
		return NULL;
	if (a->nterms == 0)
		return form_multiply(b, a->constant);
	if (b->nterms == 0)
		return form_multiply(a, b->constant);
	negate_a = sign_of(a->terms[0].coefficient) < 0;
	negate_b = sign_of(b->terms[0].coefficient) < 0;
	if (negate_a)
		a = form_negate(a);
	if (negate_b)
		b = form_negate(b);
	/* The order of factors does not matter: that of the first atoms is taken. */
	if (a->terms[0].atom->number > b->terms[0].atom->number ||
		(a->terms[0].atom == b->terms[0].atom && a->nterms > b->nterms))
	{
		const LinearForm *swapped = a;

		a = b;
		b = swapped;
	}
	atom.args[0] = a;
	atom.args[1] = b;
	atom.scale = scale_a + scale_b;
	product = form_atom(intern(table, &atom));
	return negate_a == negate_b ? product : form_negate(product);
}

static const LinearForm *
value_of_atom(const Atom *atom, const List *equalities)
{
	ListCell *lc;

	foreach(lc, equalities)
		if (((Equality *) lfirst(lc))->atom == atom)
			return ((Equality *) lfirst(lc))->value;
	return NULL;
}

/* What one atom is by the equalities; NULL: itself. */
static const LinearForm *
reduce_atom(AtomTable *table, const Atom *atom, const List *equalities)
{
	const LinearForm *value = value_of_atom(atom, equalities);
	LinearForm *args[2] = {NULL, NULL};
	bool changed = false;

	if (value != NULL || atom->kind != ATOM_FUNCTION)
		return value;
	for (int i = 0; i < lengthof(args) && atom->args[i] != NULL; i++)
	{
		args[i] = form_reduce(table, atom->args[i], equalities);
		changed |= !form_equal(args[i], atom->args[i]);
	}
	if (!changed)
		return NULL;
	return atom->function == F_NUMERIC_MUL
			   ? form_product(table, args[0], args[1])
			   : form_function(table, atom->function, args[0], atom->digits);
}

LinearForm *
form_reduce(AtomTable *table, const LinearForm *form, const List *equalities)
{
	LinearForm *result = form_copy(form);

	check_stack_depth();
	for (int round = 0; equalities != NIL && round < MAX_REDUCTIONS; round++)
	{
		LinearForm *sum = form_constant(result->constant);
		bool changed = false;

		for (int i = 0; i < result->nterms; i++)
		{
			const Term *term = &result->terms[i];
			const LinearForm *value = reduce_atom(table, term->atom, equalities);

			changed |= value != NULL;
			if (value == NULL)
				value = form_atom(term->atom);
			sum = form_add(sum, form_multiply(value, term->coefficient));
		}
		result = sum;
		if (!changed)
			break;
	}
	return result;
}

/* True where an atom is within another one: it cannot be put by itself then. */
static bool
form_has(const LinearForm *form, const Atom *atom)
{
	for (int i = 0; i < form->nterms; i++)
	{
		const Atom *at = form->terms[i].atom;

		if (at == atom)
			return true;
		for (int j = 0; j < lengthof(at->args); j++)
			if (at->args[j] != NULL && form_has(at->args[j], atom))
				return true;
	}
	return false;
}

/* The first term that can be put by itself: of coefficient 1 or -1, with an atom that is in no other term. */
static const Term *
term_to_put(const LinearForm *form, const Atom *wanted)
{
	for (int i = 0; i < form->nterms; i++)
	{
		const Term *term = &form->terms[i];
		LinearForm *rest =
			form_subtract(form, form_multiply(form_atom(term->atom), term->coefficient));

		if ((wanted == NULL || wanted == term->atom) &&
			numbers_equal(multiply_numbers(term->coefficient, term->coefficient), number_of(1)) &&
			!form_has(rest, term->atom))
			return term;
	}
	return NULL;
}

bool
form_add_equality(AtomTable *table, const LinearForm *form, const Atom *wanted, List **equalities)
{
	LinearForm *reduced = form_reduce(table, form, *equalities);
	const Term *term = term_to_put(reduced, wanted);
	MemoryContext old;
	Equality *equality;
	LinearForm *value;
	List *single;
	ListCell *lc;

	if (term == NULL)
		return false;
	value = form_subtract(reduced, form_multiply(form_atom(term->atom), term->coefficient));
	if (sign_of(term->coefficient) > 0)
		value = form_negate(value);
	old = MemoryContextSwitchTo(table->context);
	equality = palloc_object(Equality);
	equality->atom = term->atom;
	equality->value = form_copy(value);
	single = list_make1(equality);
	/* Equalities made before may be shared with the caller's other lists: what changes is a copy. */
	foreach(lc, *equalities)
	{
		Equality *other = palloc_object(Equality);

		*other = *(Equality *) lfirst(lc);
		other->value = form_reduce(table, other->value, single);
		lfirst(lc) = other;
	}
	*equalities = lappend(*equalities, equality);
	MemoryContextSwitchTo(old);
	return true;
}

static char *
number_text(Datum number)
{
	return DatumGetCString(
		DirectFunctionCall1(numeric_out, DirectFunctionCall1(numeric_trim_scale, number)));
}

static char *
atom_text(const AtomTable *table, const Atom *atom)
{
	Relation source = table->source;

	switch (atom->kind)
	{
		case ATOM_COLUMN:
			return pstrdup(quote_identifier(
				NameStr(TupleDescAttr(RelationGetDescr(source), atom->column - 1)->attname)));
		case ATOM_NODE:
			return deparse_expression(
				atom->node,
				deparse_context_for(RelationGetRelationName(source), RelationGetRelid(source)),
				false, false);
		default:
			break;
	}
	switch (atom->function)
	{
		case F_NUMERIC_MUL:
			return psprintf("(%s) * (%s)", form_text(table, atom->args[0]),
							form_text(table, atom->args[1]));
		case F_CEIL_NUMERIC:
			return psprintf("ceil(%s)", form_text(table, atom->args[0]));
		case F_FLOOR_NUMERIC:
			return psprintf("floor(%s)", form_text(table, atom->args[0]));
		default:
			return psprintf("%s(%s, %d)",
							atom->function == F_ROUND_NUMERIC_INT4 ? "round" : "trunc",
							form_text(table, atom->args[0]), atom->digits);
	}
}

char *
form_text(const AtomTable *table, const LinearForm *form)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < form->nterms; i++)
	{
		Datum coefficient = form->terms[i].coefficient;
		bool negative = sign_of(coefficient) < 0;

		if (negative)
			coefficient = multiply_numbers(coefficient, number_of(-1));
		appendStringInfoString(&text,
							   text.len == 0 ? (negative ? "-" : "") : (negative ? " - " : " + "));
		if (!numbers_equal(coefficient, number_of(1)))
			appendStringInfo(&text, "%s * ", number_text(coefficient));
		appendStringInfoString(&text, atom_text(table, form->terms[i].atom));
	}
	if (text.len == 0)
		return number_text(form->constant);
	if (sign_of(form->constant) > 0)
		appendStringInfo(&text, " + %s", number_text(form->constant));
	else if (sign_of(form->constant) < 0)
		appendStringInfo(&text, " - %s",
						 number_text(multiply_numbers(form->constant, number_of(-1))));
	return text.data;
}
