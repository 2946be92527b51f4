"""People as load: each behaves as a page of ours does, with its cookies and its pauses."""
