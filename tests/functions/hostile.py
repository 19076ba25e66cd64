"""Two hundred texts that are no formulas of a neuron, and that some readers of formulas would run, expand or hang on."""

CALLS = [
    "__import__('os').system('true')", "eval('z')", "exec('z')", "compile('z','','eval')", "open('/etc/passwd')", "print(z)",
    "input()", "globals()", "locals()", "vars(z)", "dir(z)", "getattr(z,'func')", "setattr(z,'a',1)", "exit()", "quit()",
    "breakpoint()", "help(z)", "memoryview(z)", "type(z)", "super()", "object()", "Symbol(z)", "Function(z)", "Integral(z)",
    "Sum(z)", "Derivative(z)", "lambdify(z)", "sympify(z)", "parse_expr(z)", "factorial(z)", "gamma(z)", "zeta(z)", "primorial(9)",
    "fibonacci(10)", "prime(100)", "factorint(6)", "zip(z)", "map(z)", "range(9)", "list(z)", "floor(z)", "Mod(z,2)", "I(z)",
    "eye(1000)", "Matrix(z)", "besselj(0,z)", "hyper(z)", "sec(z)", "gcd(z,z)",
]  # fmt: skip
ATTRIBUTES = [
    "z.__class__", "z.__class__.__bases__", "z.func", "z.subs", "(z).args", "().__class__", "z.__init__.__globals__", "exp.func(z)",
    "1 .__class__", "1.0.__class__", "z.real", "z._eval_evalf", "sqrt.__doc__", "z.n()", "''.join(z)", "(1).bit_length()",
    "z.__reduce__()", "z.a.b.c", "exp(z).diff(z)", "...",
]  # fmt: skip
POWERS = [
    "9**9**9", "9**9**9*z", "z*9**9**9", "10**10**10", "2**1025*z", "2**2**2**2*z", "z**z**z**z", "((z**2)**2)**2", "z**1000",
    "z**-101", "(1+z)**100000", "z**(10**6)", "z+10**400", "z*1e400", "1e309+z", "1e-400*z", "(1/3)**101*z", "1.0000001**99999*z",
    "(10**100)**100*z", "z**2**3**2", "z*(9**99)**99", "exp(1000)*z", "exp(exp(10))*z", "exp(-1000)+z", "cosh(1000)+z", "0**z",
    "0**-1*z", "z*0**0", "(z-z)/(z-z)", "1/(z-z)", "z/0", "z/(1-1)", "z+1/0", "log(0)*z", "log(-1)*z", "sqrt(-1)*z", "(-8)**0.5*z",
    "(-1)**0.3+z", "z+0/0", "99999999999999999999999999999999999999999999*z",
]  # fmt: skip
CHARACTERS = [
    "\u0430+z", "\u0435xp(z)", "\uff5a", "\u200bz", "z\u200b", "z\u00a0+1", "\uff11+z",
    "\U0001d467", "\u01b6", "\u0396", "z\u0301", "\u202ez+1", "\ufeffz", "\u0661+z", "z\u2044 2", "\u221az",
    "2\u00d7", "\u03c0\u03c0z\u207f", "z\u00b2\u00b3", "z\u2223", "z\x00", "\x00", "z\n+1", "z\r", "\x1b[31mz", "z\x07", "\ud800", "z\udfff", "z\u2028+1", "\u2460+z", "z\u207f",
]  # fmt: skip
SYNTAX = [
    "", " ", "(", ")", "()", "z)", "(z", "((z)", "z+", "*z", "/z", "**z", "z**", "z*/2", "z//2", "z%2", "z@z", "~z", "!z", "z!",
    "z&z", "z|z", "z<<1", "z>>1", "z=1", "z:=1", "z==1", "z!=1", "z<1", "1<z<2", "z if z else 1", "not z", "z and z", "z or z",
    "z is z", "z in z", "lambda: z", "lambda z: z", "yield z", "await z", "import os", "from os import *", "del z", "pass", "assert z",
    "raise z", "return z", "z;z", "z,z", "[z]", "{z}", "z[0]", "[z for z in z]", "{z:z}", "'z'", '"z"', "f'{z}'", "r'z'", "b'z'",
    "`z`", "$z", "#z", "z#", "z\\", "\\z", "?z", "@z", "x+z", "z(1+z)", "1/2z", "2**3z", "|z|z+1|", "|z", "z|", "||", "e(z)", "elu(z,z)", "elu(z,beta=1)", "clip(z,1,0)", "np.z", "np.os.exp(z)", "z=z", "exp(z=1)", "z2", "z 2", "z z", "z(z)", "1.2.3*z", "1e*z", "0x10*z",
    "1_000*z", "1j*z", "z_", "_z", "__z__", "y", "Z", "t", "zz", "e", "E*z", "inf*z", "nan*z", "oo*z", "zoo*z", "None", "True*z", "%s*z", "{0}*z",
    "where(z,1,2)", "where(z>0,1)", "where(z>0,1,2,3)", "where(z==0,1,z)", "where(1>0,z,2)", "where(sin(z)>0,z,1)",
    "where(z>0>1,z,1)", "where", "exp", "exp()", "exp(z,z)", "Max(z)", "Max()", "Abs(z,1)", "Abs(sin(z))", "Heaviside(exp(z)-2)",
    "Exp(z)", "LOG(z)", "3", "pi", "exp(2)", "z-z", "0*z",
]  # fmt: skip
BOMBS = [
    "(" * 10_000 + "z" + ")" * 10_000, "-" * 10_000 + "z", "exp(" * 300 + "z" + ")" * 300, "z" * 10_000, "z+" * 10_000 + "z", "1" * 100_000,
    "(" * 45 + "z" + ")" * 45, "-" * 45 + "z", "Abs(" * 20 + "z" + ")" * 20, "+".join(f"Max(z,{k})" for k in range(20)),
    "where(z>0," * 12 + "z" + ",1)" * 12, "z**" * 100 + "2", "exp(exp(exp(exp(20))))*z", "Abs((z+exp(z)+sin(z)+cos(z))**100*sin(z))",
    "where((z+exp(z)+sin(z)+cos(z))**60*sin(z)>0,z,0)", "Max(sin(z),(1+z+z*exp(z))**90*(z+sin(z)+cos(z))**90*sin(z)**90)",
    "Abs(((1+z)**100)**100+exp(z)*sin(z))", "Abs((z+exp(z)+sin(z))**100-tan(z))", " " * 10_000 + "z",
]  # fmt: skip
HOSTILE = [*CALLS, *ATTRIBUTES, *POWERS, *CHARACTERS, *SYNTAX, *BOMBS]
