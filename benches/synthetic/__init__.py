"""Benches of generated policies: the same shape of rules at 10 to 100,000 rules, to see what a decision costs as a policy grows.

`shapes/` has one file for each shape, `families/` the policies made to hurt. `policy.py` is what a policy is made of, as plain data;
`text.py` writes it in the language, `oracle.py` decides by it slowly, `requests.py` draws requests for it. Nothing here imports the engine
but `loaded.py`, so that other engines can be given the same policies where ours is not installed.
"""
