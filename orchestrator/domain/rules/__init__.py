"""The rules of a run by whom they bind: its people, its turns, its actions. `decide` knows them all."""
