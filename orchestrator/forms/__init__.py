"""Forms of the pages on which agents, tools and workflows are set up and runs are started.

A form gives one of the domain's specs; what makes a spec sound is decided there, and shown here at its field.
"""
