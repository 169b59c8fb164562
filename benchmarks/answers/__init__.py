"""Human answers to a certified error: goldleaf beside the published ways, on the same vectors and answers.

case      a data set as every method sees it, and what a method returns
cases     the data sets of benchmarks.sets, encoded once and kept
files     anyone's CSV or Parquet, by the command line or a TOML file
machine   the classifier that all peers share, and the answers that trained it
threshold the finite-sample bounds, and the walk along the classifier's uncertainty
peers/    a file a published way
oracle    the fewest answers that anyone could need
ours      goldleaf, and goldleaf with an ingredient taken away
methods   all of them by name
runs      a row a run: executed in parallel, kept, resumed
summary   means, quantiles, violations, the best fixed settings
report    figures, tables; plot  the chart
"""
