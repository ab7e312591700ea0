// What diff says of two bases, in the notation of apidiff's tests: one case
// between two dashed lines, with what is in both bases, in the old one, in the
// new one. What follows "// c" is the sentence of a change, "// n" of one that
// is in names of parameters only, "// a" and "// r" are what is added and
// removed. Nothing else may be said.

// ---- a member at the end
// both
struct u { int a; };
// old
struct s { long a; };
// new
struct s { long a; int b; };
// c struct s grew from 8 to 16: member b added at 8

// ---- a member in the middle moves the rest
// both
struct u { int a; };
// old
struct s { long a; long b; long c; };
// new
struct s { long a; int x; long b; long c; };
// c struct s grew from 24 to 32: member x added at 8, 2 members moved by +8

// ---- a hole is filled: nothing moves
// old
struct s { int a; long b; };
// new
struct s { int a; int x; long b; };
// c struct s (16 bytes as before): member x added at 4

// ---- removed, retyped, renamed
// both
struct p { int a; };
// old
struct s { struct p *p; long gone; int was; unsigned int kept; };
// new
struct s { struct p *p; int is; long kept; };
// c struct s (24 bytes as before): member gone removed (was at 8), member was removed (was at 16), member is added at 8, member kept changed from "unsigned int kept" to "long kept" at 16
// r type unsigned int

// ---- renamed in place
// old
struct s { int a; char resvd; };
// new
struct s { int a; char weight; };
// c struct s (8 bytes as before): member resvd renamed to weight at 4

// ---- what is embedded grew, what is pointed at is no change
// old
struct in { int a; };
struct s { struct in in; int z; };
struct p { struct in *in; };
// new
struct in { int a; int b; };
struct s { struct in in; int z; };
struct p { struct in *in; };
// c struct in grew from 4 to 8: member b added at 4
// c struct s grew from 8 to 12: member in now has 8 bytes, had 4, z moved from 4 to 8

// ---- embedded without a change of size: the change is that of the inner
// old
struct in { int a; int b; };
struct s { struct in in[2]; };
// new
struct in { int a; unsigned int b; };
struct s { struct in in[2]; };
// c struct in (8 bytes as before): member b changed from "int b" to "unsigned int b" at 4

// ---- anonymous members belong to what holds them
// both
struct list { struct list *next; };
// old
struct s { union { int a; long b; }; struct { int x; } key; };
// new
struct s { union { int a; long b; struct list l; }; struct { int x; int y; } key; };
// c struct s (16 bytes as before): member l added at 0, member key.y added at 12

// ---- bitfields
// old
struct s { unsigned int a:3; unsigned int b:5; unsigned int c:2; };
// new
struct s { unsigned int a:4; unsigned int b:5; unsigned int c:2; };
// c struct s (4 bytes as before): member a changed from "unsigned int a:3" to "unsigned int a:4" at 0, 2 members moved by +0:1

// ---- arrays and function pointers
// old
struct s { char name[16]; int (*open)(struct s *s, int flags); void (*gone)(void); };
// new
struct s { char name[24]; int (*open)(struct s *s, long flags); void (*gone)(int why); };
// c struct s grew from 32 to 40: member name changed from "char name[16]" to "char name[24]" at 0, member open changed from "int (*open)(struct s *s, int flags)" to "int (*open)(struct s *s, long flags)" at 24, member gone changed from "void (*gone)(void)" to "void (*gone)(int why)" at 32
// a type long

// ---- parameter names of a callback
// both
struct file { int a; };
// old
struct s { int (*open)(struct file *f); };
// new
struct s { int (*open)(struct file *file); };
// n struct s (8 bytes as before): member open changed from "int (*open)(struct file *f)" to "int (*open)(struct file *file)" at 0

// ---- functions
// both
struct s { int a; };
typedef unsigned int u32;
int same(struct s *s);
// old
int f(struct s *s);
int g(u32 a);
int h(u32 a);
void gone(void);
// new
int f(struct s *s, int flags);
int g(unsigned int a);
int h(u32 b);
void fresh(void);
// c function f is now "int f(struct s *s, int flags)", was "int f(struct s *s)"
// c function g is now "int g(unsigned int a)", was "int g(u32 a)"
// n function h renamed parameters: is now "int h(u32 b)", was "int h(u32 a)"
// a function fresh
// r function gone

// ---- tags of functions
// both
int same(int a);
// old
int f(int a);
__bpf_fastcall int g(int a);
// new
__bpf_kfunc int f(int a);
int g(int a);
// n function f is now tagged bpf_kfunc
// n function g is no longer tagged bpf_fastcall

// ---- typedefs
// both
struct s { int a; };
// old
typedef unsigned int t;
typedef struct { int a; } anon_t;
typedef struct s same_t;
// new
typedef unsigned long t;
typedef struct { int a; int b; } anon_t;
typedef struct s same_t;
// c typedef anon_t grew from 4 to 8: member b added at 4
// c typedef t is now "typedef unsigned long t", was "typedef unsigned int t"
// a type unsigned long
// r type unsigned int

// ---- enums
// old
enum state { LIVE, GOING, GONE };
enum big { SMALL = 1 };
enum e { A, B };
// new
enum state { LIVE, COMING, GOING, GONE = 9 };
enum big { SMALL = 1, BIG = 0x100000000 };
enum e { A, C };
// c enum e (4 bytes as before): enumerator B renamed to C
// c enum state (4 bytes as before): enumerator COMING added with value 1, enumerator GOING changed from 1 to 2, enumerator GONE changed from 2 to 9
// c enum big grew from 4 to 8: was an enum and is a 64-bit enum, enumerator BIG added with value 4294967296

// ---- enums without a name that nothing holds
// old
enum { MAX_A = 3, MAX_B };
// new
enum { MAX_A = 3, MAX_B = 5 };
// c enum { MAX_A, … } (4 bytes as before): enumerator MAX_B changed from 4 to 5

// ---- another kind under one name; a declaration that became a definition
// old
struct s { int a; };
struct p { struct later *l; struct soon *s; };
struct later { int a; };
// new
union s { int a; };
struct p { struct later *l; struct soon *s; };
struct soon { int a; };
// c struct soon was declared only and is a struct
// c union s (4 bytes as before): was a struct and is a union
// c declared only: later was a struct and is declared only

// ---- per-CPU variables
// both
struct s { int a; };
// old
percpu struct s one;
percpu int two;
// new
percpu long zero;
percpu struct s one;
percpu unsigned int two;
// c variable two is now "unsigned int two", was "int two"
// c section .data..percpu grew from 8 to 16: variable zero added at 0, variable two changed from "int two (4 bytes)" to "unsigned int two (4 bytes)" at 12, one moved from 0 to 8
// a type long
// a type unsigned int
// a variable zero

// ---- nothing changed but the order
// old
struct a { int x; };
struct b { struct a *a; long y; };
int f(struct b *b);
// new
int f(struct b *b);
struct b { struct a *a; long y; };
struct a { int x; };
