"""Commands that are thin: arguments in, a function of the package, a printed result out."""
