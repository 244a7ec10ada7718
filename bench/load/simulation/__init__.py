"""A discrete-event simulation of the mesh: how many learners fit, and how long they wait. See docs/capacity.md.

stage_times     how long each model takes, and where each figure comes from
stations        two kinds of models: one decodes in batches, one serves all its jobs at once
pools           replicas of a model, the least loaded first; slots
rhythm          what a learner does, however fast the mesh is: speaks, pauses, listens, thinks
mesh            a conversation's way through the models; admission
autoscaler      KEDA and the HPA behind it, by the settings in deploy/k8s
experiments     the questions that the simulation answers
report, plots   all experiments; the tables and the pictures of docs/capacity.md
check           the same load on the real mesh, and in the simulation
"""
