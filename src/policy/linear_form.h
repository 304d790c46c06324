/*
 * linear_form.h
 *		Sums of products of a number and an atom, and a number: what the amounts
 *		of a template come to as far as they are linear in the transaction.
 *
 * An atom stands for a finite number that depends on the transaction alone: a
 * column, a rounded form, a product of two forms, or an expression that is not
 * looked into. The same atom has the same value wherever it stands. Forms and
 * atoms never change once they are made.
 */
#ifndef LEDGER_LINEAR_FORM_H
#define LEDGER_LINEAR_FORM_H

#include "common/ledger_engine.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/* That a value has some decimals at most is not known. */
#define SCALE_UNKNOWN (-1)

typedef struct LinearForm LinearForm;

typedef enum AtomKind
{
	ATOM_COLUMN,
	ATOM_FUNCTION, /* of forms: a function of the server whose result depends on nothing but their values */
	ATOM_NODE /* an expression as the server planned it */
} AtomKind;

typedef struct Atom
{
	AtomKind kind;
	int number;        /* of the table's atoms, from 0 */
	int scale;         /* decimals that its value has at most, or SCALE_UNKNOWN */
	AttrNumber column; /* of ATOM_COLUMN */
	Oid function;      /* of ATOM_FUNCTION, with its forms, and the decimals that it keeps */
	int digits;
	const LinearForm *args[2];
	Node *node; /* of ATOM_NODE */
} Atom;

typedef struct Term
{
	const Atom *atom;
	Datum coefficient; /* numeric, not zero */
} Term;

struct LinearForm
{
	Datum constant; /* numeric */
	int nterms;
	Term terms[FLEXIBLE_ARRAY_MEMBER]; /* by the number of the atom */
};

/* The atoms of one proof. */
typedef struct AtomTable
{
	MemoryContext context;
	Relation source;
	int max_scale; /* columns are taken to have no more decimals; SCALE_UNKNOWN: as they are declared */
	List *atoms;
} AtomTable;

/* An atom that has the value of a form, in which it is not; both sides are reduced by all others. */
typedef struct Equality
{
	const Atom *atom;
	const LinearForm *value;
} Equality;

extern AtomTable *atom_table(Relation source, int max_scale);

extern const Atom *atom_column(AtomTable *table, AttrNumber column, int scale);
extern const Atom *atom_node(AtomTable *table, Node *node, int scale);

/* Results are in the current memory context; what is in the table lives with it. */
extern LinearForm *form_constant(Datum value);
extern LinearForm *form_integer(int64 value);
extern LinearForm *form_atom(const Atom *atom);
extern LinearForm *form_add(const LinearForm *a, const LinearForm *b);
extern LinearForm *form_multiply(const LinearForm *form, Datum factor);
extern LinearForm *form_negate(const LinearForm *form);
extern LinearForm *form_subtract(const LinearForm *a, const LinearForm *b);
extern LinearForm *form_copy(const LinearForm *form);

/* round(), trunc(), ceil() or floor() of a form, by the number of the server's function. */
extern LinearForm *
form_function(AtomTable *table, Oid function, const LinearForm *form, int digits);

/* A form rounded half away from zero to so many decimals, as the amount of a line is. */
extern LinearForm *form_round(AtomTable *table, const LinearForm *form, int digits);

/* A product; NULL where the server might round it. */
extern LinearForm *form_product(AtomTable *table, const LinearForm *a, const LinearForm *b);

extern bool form_is_zero(const LinearForm *form);
extern bool form_equal(const LinearForm *a, const LinearForm *b);
extern int form_sign_of_constant(const LinearForm *form);

/* 1 or -1: a is b multiplied by a number that is positive or negative; 0: it is no multiple. */
extern int form_ratio_sign(const LinearForm *a, const LinearForm *b);

/* The form with atoms put in for others that are equal, within functions too. */
extern LinearForm *form_reduce(AtomTable *table, const LinearForm *form, const List *equalities);

/* Adds that a form is zero to equalities; false where no atom (wanted NULL), or not that one, can be put by itself. */
extern bool
form_add_equality(AtomTable *table, const LinearForm *form, const Atom *wanted, List **equalities);

/* As SQL, for a message. */
extern char *form_text(const AtomTable *table, const LinearForm *form);

#endif
