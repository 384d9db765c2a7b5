"""From a violation to a case: how grave it is, whether a person must look, the city's code and its deadline. Pure."""
