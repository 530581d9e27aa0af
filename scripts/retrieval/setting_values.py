"""What the settings of a memory may be; the modules that act on a setting name its values."""

MEMORIES = ("none", "random", "cluster", "all")
TRAININGS = ("none", "continue", "restart")
CHOICES = ("silhouette", "elbow")
SILHOUETTE_DISTANCES = ("euclidean", "prototype")
UPDATES = ("session", "batch")
KEEP_RULES = ("z2", "all", "none", "fraction")
LABEL_POLICIES = ("all", "first_session", "share", "none")
SAMPLE_SOURCES = ("labels", "cluster", "random")
NEGATIVE_FORMS = ("next_cluster", "far_in_near")
